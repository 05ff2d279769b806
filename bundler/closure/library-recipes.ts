import type { NeededFiles } from './recipes.ts';

/** What a program needs because it is linked with a library. */
export interface LibraryRecipe extends NeededFiles {
  /** Matches the whole name by which the program asks for the library. */
  readonly library: RegExp;
}

const libraryDirectories = ['{prefix}/lib/*-linux-gnu', '{prefix}/lib64'];

const qtPluginDirectories = libraryDirectories.map((directory) => `${directory}/qt{1}/plugins`);

const qtPlugins = [
  'iconengines',
  'imageformats',
  'platforminputcontexts',
  'platforms',
  'printsupport',
  'sqldrivers',
  'styles',
  'tls',
  'wayland-*',
  'xcbglintegrations',
];

const gstreamerPlugins = libraryDirectories.map((directory) => `${directory}/gstreamer-1.0`);

const gstreamerScanners = [
  '{prefix}/lib/*-linux-gnu/gstreamer1.0/gstreamer-1.0/gst-plugin-scanner',
  '{prefix}/libexec/gstreamer-1.0/gst-plugin-scanner',
];

/**
 * The libraries that need one: they open plugins or data where they lie themselves, or at the path that they were built
 * with. A program that has a recipe of its own gets none of these. Tried on Debian 12.
 */
export const libraryRecipes: readonly LibraryRecipe[] = [
  // gdb and others that embed Python; their Python looks where it was built for, and a variable would reach what they
  // start. Not gdb's whole directory: other packages have files in it too, and the host's own stays where there is one.
  {
    library: /libpython(3\.\d+)\.so\.1\.0/,
    paths: [],
    fixed: ['{prefix}/lib/python{1}', '{prefix}/share/gdb/{python,syscalls,system-gdbinit}'],
    without: ['{prefix}/lib/python{1}/config-*', '{prefix}/lib/python{1}/test'],
  },
  {
    library: /libmagic\.so\.1/,
    paths: ['{prefix}/share/misc/magic.mgc'],
    env: [{ name: 'MAGIC', policy: 'where-unset', paths: ['{prefix}/share/misc/magic.mgc'] }],
  },
  // Without the platform's plugin no window opens, nor does "offscreen" run; themes would bring half a desktop.
  {
    library: /libQt([56])Core\.so\.[56]/,
    paths: qtPluginDirectories.map((directory) => `${directory}/{${qtPlugins.join(',')}}`),
    env: [{ name: 'QT_PLUGIN_PATH', policy: 'prepend', paths: qtPluginDirectories }],
  },
  {
    library: /libgstreamer-1\.0\.so\.0/,
    paths: [...gstreamerPlugins, ...gstreamerScanners],
    env: [
      { name: 'GST_PLUGIN_SYSTEM_PATH_1_0', policy: 'where-unset', paths: gstreamerPlugins },
      { name: 'GST_PLUGIN_SCANNER', policy: 'where-unset', paths: gstreamerScanners },
    ],
  },
];
