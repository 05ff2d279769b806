import { Readable } from 'node:stream';

const sliceBytes = 256 * 1024;

/** The header that says what of the payload was signed. */
export const payloadHashHeader = 'x-amz-content-sha256';

/**
 * The bytes of a part on their way to a socket: sliced, so that it is seen how far they have come. The SDK neither hashes
 * nor sends a stream again; both are ours.
 */
export class PartBody extends Readable {
  /** What goes into the signature: the SHA-256 as hex, or undefined where the payload is not signed. */
  readonly payloadHash: string | undefined;
  readonly #bytes: Uint8Array;
  readonly #onTaken: (takenBytes: number) => void;
  #at = 0;

  constructor(
    bytes: Uint8Array,
    options: { readonly payloadHash?: string; readonly onTaken: (takenBytes: number) => void },
  ) {
    super({ highWaterMark: sliceBytes });
    this.#bytes = bytes;
    this.payloadHash = options.payloadHash;
    this.#onTaken = options.onTaken;
  }

  override _read(): void {
    const slice = this.#bytes.subarray(this.#at, this.#at + sliceBytes);
    if (slice.length === 0) {
      this.push(null);
      return;
    }
    // Who asks for more has passed on what was before.
    if (this.#at > 0) this.#onTaken(this.#at);
    this.#at += slice.length;
    this.push(slice);
  }
}
