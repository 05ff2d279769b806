import type { ObjectLockMode, S3, ServerSideEncryption, StorageClass } from '@aws-sdk/client-s3';
import { isDocumentKey } from '../key.ts';

/** How a server is to keep objects; what is left out is the bucket's default. */
export interface ObjectAttributes {
  /** `AES256`, `aws:kms` or `aws:kms:dsse`. */
  readonly sse?: ServerSideEncryption;
  readonly sseKmsKeyId?: string;
  readonly storageClass?: StorageClass;
  /** Until when an object can be neither removed nor replaced; not for documents, which change. */
  readonly retention?: { readonly mode: ObjectLockMode; readonly until: Date };
}

/** The calls that begin an object. */
const creatingCommands: ReadonlySet<string> = new Set(['PutObjectCommand', 'CreateMultipartUploadCommand']);

/**
 * Has every call of a client that begins an object ask for these attributes. In one place rather than where objects are
 * sent: no way of sending can forget them.
 */
export function addAttributes(client: S3, attributes: ObjectAttributes): void {
  const { retention, sse, sseKmsKeyId, storageClass } = attributes;
  const always = {
    ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
    ...(sseKmsKeyId === undefined ? {} : { SSEKMSKeyId: sseKmsKeyId }),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
  };
  const locked =
    retention === undefined
      ? {}
      : { ObjectLockMode: retention.mode, ObjectLockRetainUntilDate: retention.until };
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        if (commandName === undefined || !creatingCommands.has(commandName)) return next(args);
        const { Key = '' } = args.input as { readonly Key?: string };
        return next({ ...args, input: { ...args.input, ...always, ...(isDocumentKey(Key) ? {} : locked) } });
      },
    { step: 'initialize', name: 'saddlebag-attributes' },
  );
}
