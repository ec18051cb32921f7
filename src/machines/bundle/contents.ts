import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** A file of the bundle. */
export interface PackedFile {
  from: string;
  /** Its path in the bundle. */
  to: string;
}

/** What main loads for the control plane's host alone. */
const NOT_FOR_AGENTS = ['server/', 'up/'];
/** The statements at the beginning of a line, as the compiler writes them, and the calls. */
const IMPORT = /^(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\)/gm;
/** What is in packages for people and for compilers. */
const UNUSED = /\.(?:map|md|markdown|ts|mts|cts)$|\.flow$/;

/**
 * Lists the files that an agent needs: what its entry loads, directly and by others, and the packages of those. It is
 * read from the built files, so that what is there is what is needed, however the source changes.
 * @param root the product's folder, with `dist` and `node_modules`.
 */
export async function agentFiles(root: string, architecture: string): Promise<PackedFile[]> {
  const dist = join(root, 'dist');
  const { modules, packages } = await reachable(join(dist, 'main.js'), dist);
  const runtime = findPackage(root, `node-linux-${architecture}`);
  return [
    ...['package.json', 'bin/agentmetal', 'LICENSE'].map((to) => ({ from: join(root, to), to })),
    ...modules.map((from) => ({ from, to: relative(root, from) })),
    ...(await packageFiles(root, packages)),
    ...['package.json', 'LICENSE', 'bin/node'].map((name) => ({
      from: join(runtime, name),
      to: `node_modules/node-linux-${architecture}/${name}`,
    })),
  ];
}

async function reachable(entry: string, dist: string) {
  const modules = new Set([entry]);
  const packages = new Set<string>();
  // A set can grow while it is gone through.
  for (const module of modules) {
    for (const [, stated, called] of (await readFile(module, 'utf8')).matchAll(IMPORT)) {
      const specifier = stated ?? called ?? '';
      if (specifier.startsWith('.')) {
        const path = join(dirname(module), specifier);
        if (!isLeftOut(entry, module, relative(dist, path))) modules.add(path);
      } else if (!specifier.startsWith('node:')) packages.add(packageName(specifier));
    }
  }
  return { modules: [...modules], packages: [...packages] };
}

function isLeftOut(entry: string, importer: string, path: string): boolean {
  return importer === entry && NOT_FOR_AGENTS.some((folder) => path.startsWith(folder));
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

async function packageFiles(root: string, names: readonly string[]): Promise<PackedFile[]> {
  const folders = new Map<string, string>();
  const wanted = names.map((name) => ({ name, from: root }));
  for (const { name, from } of wanted) {
    const folder = findPackage(from, name);
    if (folders.has(folder)) continue;
    folders.set(folder, placeOf(root, folder));
    const { dependencies = {} } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    wanted.push(...Object.keys(dependencies).map((dependency) => ({ name: dependency, from: folder })));
  }
  const lists = await Promise.all([...folders].map(([folder, place]) => filesOf(folder, place)));
  return lists.flat();
}

/** Where Node would look for a package: in `node_modules` of the folder and of those above it. */
function findPackage(from: string, name: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return path;
    if (folder === dirname(folder)) throw new Error(`${name} is not installed, as seen from ${from}`);
  }
}

/** In a bundle all packages are below the product; installed by npm they may lie beside it. */
function placeOf(root: string, folder: string): string {
  const path = relative(root, folder);
  return path.startsWith('..') ? path.slice(path.indexOf('node_modules')) : path;
}

async function filesOf(folder: string, place: string): Promise<PackedFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !UNUSED.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('node_modules/'))
    .map((path) => ({ from: join(folder, path), to: join(place, path) }));
}
