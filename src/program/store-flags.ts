import type { Command } from 'commander';

/** Adds the flags that say how to reach a bucket. */
export function addStoreFlags(command: Command): Command {
  return command
    .optionsGroup('The S3 server:')
    .option('--endpoint <url>', 'S3 server other than AWS, such as MinIO (default: AWS_ENDPOINT_URL_S3)')
    .option('--region <region>', 'region of the bucket (default: AWS_REGION, the profile)')
    .option('--path-style', 'put the bucket into the path, as most servers other than AWS need')
    .option('--no-path-style', 'put the bucket into the host name')
    .option('--ca-file <file>', "certificates to trust besides Node's own (default: AWS_CA_BUNDLE)")
    .option('--anonymous', 'send no credentials');
}
