/** pip has no codes for what went wrong: its words choose the hint, and nothing but the hint. */
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /gcc|clang|c\+\+|Python\.h|error: command .* failed|Rust compiler|cargo|Failed to build/,
    'a package has no wheel for this Python and needs a compiler: apt install build-essential python3-dev, or take a version that has a wheel',
  ],
  [
    /not a supported wheel on this platform|not compatible with the current/i,
    'the wheel is for another Python or processor; choose the Python with --python=3.12',
  ],
  [
    /requires a different Python|Requires-Python|does not satisfy Python/,
    'choose another Python with --python=3.12',
  ],
  [
    /40[13] (Client )?Error|Unauthorized|Forbidden|401|403|User for .*:|EOF when reading/,
    'the index refuses the credentials: set them in the URL of PIP_INDEX_URL (UV_INDEX_URL), or in ~/.netrc',
  ],
  [
    /DO NOT MATCH THE HASHES|Hash mismatch/i,
    'what the index serves is not what the lock names: make the lock anew, or find out who changed it',
  ],
  [
    /requirements to have their versions pinned|Hashes are required/i,
    'where one line has a hash, all need one: make the file with pip-compile --generate-hashes',
  ],
  [
    /resolution|Failed to establish a new connection|ConnectTimeout|Connection refused|dns error|error sending request/i,
    'check the network, and the proxy or index that pip is told of',
  ],
  [
    /No matching distribution|no version of|not found in the package registry|No solution found/i,
    'check the name and the version, and whether a private index is missing: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL',
  ],
  [/No space left on device/, 'make room where TMPDIR is, or point it elsewhere'],
];

/**
 * Says what to do about the failure of pip or uv, from what it wrote.
 */
export function installHint(output: string): string | undefined {
  return hints.find(([pattern]) => pattern.test(output))?.[1];
}
