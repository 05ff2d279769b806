/**
 * Whether a library belongs to the driver of a GPU: it has to fit the kernel's module on the host, so that a copy in a
 * bundle would fail on most. Source: NVIDIA's driver installation guide, "Installed Components".
 */
export function isDriverLibrary(name: string): boolean {
  return /^lib(cuda|cudadebugger|nvcuvid|nvoptix|nvidia-[\w-]+|GLX_nvidia|EGL_nvidia)\.so\b/.test(name);
}

/** What to do about one that is missing. */
export const driverHint =
  'libraries of the GPU driver come from the host: see "GPU drivers of the host" in docs/runtime.md';
