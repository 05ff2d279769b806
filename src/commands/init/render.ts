import { quoteText } from '../../core/hcl/string.ts';
import type { DetectedProject } from './detect.ts';

/** Where bundles go until somebody says otherwise: a folder that no copy of the project takes along. */
export const localFolder = '.saddlebag/bundles';

/**
 * Renders a first saddlebag.hcl: short, and what is most often wanted next in comments. `to` names the store that the
 * user has already; null makes it a folder.
 */
export function renderFirstConfig({ name, bundle }: DetectedProject, to: string | null): string {
  const keys = Object.entries(bundle);
  const width = Math.max(...keys.map(([key]) => key.length));
  return `# What \`saddlebag up\` bundles, publishes and deploys. \`saddlebag config\` prints what is in force.

${to === null ? folderStore : namedStore(to)}
app ${quoteText(name)} {
  bundle {
${keys.map(([key, value]) => `    ${key.padEnd(width)} = ${quoteText(value)}`).join('\n')}
  }

  deploy {
    memory = 300 # MiB
    # count      = 2
    # check_path = "/health"

    # The app listens on $PORT. Without this line it is a service that listens on nothing.
    port "http" {}

    # env    = { LOG = "info", HOST = "\${NOMAD_IP_http}" }
    # secret = { DATABASE_URL = "nomad/jobs/${name}:database_url" } # from a Nomad variable
  }

  # With \`-e prod\`:
  # environment "prod" {
  #   confirm = true
  #   deploy { count = 4 }
  # }
}
`;
}

const folderStore = `# A folder on this machine; \`saddlebag serve ${localFolder}\` hands it out. For a bucket:
# to       = "s3://bundles/apps"
# endpoint = "https://minio.example.org" # unless it is AWS
store "main" {
  to           = "./${localFolder}"
  download_url = "http://127.0.0.1:8000"
}
`;

function namedStore(to: string): string {
  return `store "main" {\n  to = ${quoteText(to)}\n}\n`;
}
