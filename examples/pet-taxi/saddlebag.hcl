# A service on Nomad, from MinIO. `saddlebag up` bundles, publishes and deploys it.

store "minio" {
  to         = "s3://bundles/apps"
  endpoint   = "http://127.0.0.1:9000"
  path_style = true
}

app "pet-taxi" {
  bundle {
    source  = "./pet-taxi"
    version = "0.1.0"
  }

  deploy {
    memory     = 128
    check_path = "/health"
    port "http" {}
    env = { HOST = "${NOMAD_IP_http}" }
  }

  environment "prod" {
    confirm = true
    deploy {
      count = 3
    }
  }
}
