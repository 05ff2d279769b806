import manifest from '../../package.json' with { type: 'json' };

/** The version of this Saddlebag, from its package. */
export const toolVersion: string = manifest.version;
