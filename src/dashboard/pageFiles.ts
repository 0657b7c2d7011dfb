/** The dashboard's files as the daemon's server hands them out: a fixed list, read once. */
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface PageFile {
  readonly type: string;
  readonly body: Uint8Array;
}

const HTML = 'text/html; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

const sources = new URL('../../src/dashboard/page/', import.meta.url);
const compiled = new URL('./page/', import.meta.url);
const contract = new URL('../contract/', import.meta.url);

/** URL path -> file. Modules lie as deep as their imports of each other expect. */
const FILES: ReadonlyMap<string, { readonly type: string; readonly path: string }> = new Map([
  ['/', { type: HTML, path: fileURLToPath(new URL('index.html', sources)) }],
  [
    '/vx300s.urdf',
    { type: 'text/xml', path: fileURLToPath(new URL('../../urdf/vx300s.urdf', import.meta.url)) },
  ],
  ['/style.css', { type: STYLE, path: fileURLToPath(new URL('style.css', sources)) }],
  ...readdirSync(compiled)
    .filter((name) => name.endsWith('.js'))
    .map(
      (name) =>
        [
          `/app/dashboard/page/${name}`,
          { type: SCRIPT, path: fileURLToPath(new URL(name, compiled)) },
        ] as const,
    ),
  ...['apiFrames.js', 'robot.js', 'task.js'].map(
    (name) =>
      [`/app/contract/${name}`, { type: SCRIPT, path: fileURLToPath(new URL(name, contract)) }] as const,
  ),
  ...threeFiles(),
]);

const read = new Map<string, PageFile>();

/** The file at a URL path, if the dashboard has it. */
export function pageFile(path: string): PageFile | undefined {
  const known = read.get(path);
  const file = FILES.get(path);
  if (known || !file) return known;
  const content = { type: file.type, body: readFileSync(file.path) };
  read.set(path, content);
  return content;
}

/** three.js, as the page's import map names it. */
function threeFiles(): [string, { type: string; path: string }][] {
  const module = createRequire(import.meta.url)
    .resolve('three')
    .replace(/three\.[a-z.]+$/, '');
  return ['three.module.js', 'three.core.js'].map((name) => [
    `/three/${name}`,
    { type: SCRIPT, path: `${module}${name}` },
  ]);
}
