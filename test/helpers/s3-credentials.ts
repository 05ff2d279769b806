/** Keys of a store, as a MinIO of a test has them. */
export interface S3Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

const noFiles = {
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** Returns the variables by which the AWS SDK takes these keys, and reads no file of whoever runs the tests. */
export function credentialsEnv({ accessKey, secretKey }: S3Keys): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey, ...noFiles };
}

/**
 * Lets the AWS SDK in this process go by these keys (null: by none), whatever else stood in the environment.
 */
export function setCredentials(keys: S3Keys | null): void {
  for (const name of Object.keys(process.env).filter((each) => each.startsWith('AWS_'))) {
    delete process.env[name];
  }
  Object.assign(process.env, keys === null ? noFiles : credentialsEnv(keys));
}
