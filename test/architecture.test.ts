/** Who may import whom: the table of the README's architecture map, held against every import in src. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Layer -> layers it may import. A layer may always import itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  network: [],
  config: ['contract'],
  realtime: ['contract'],
  imaging: ['contract'],
  api: ['contract'],
  description: ['contract'],
  foxglove: ['contract', 'api', 'description', 'episodes'],
  dashboard: ['contract'],
  ros: ['contract'],
  hardware: ['contract', 'realtime'],
  simulation: ['contract', 'realtime'],
  control: ['contract', 'realtime'],
  policy: ['contract', 'realtime'],
  episodes: ['contract', 'realtime'],
  learning: ['contract', 'network', 'episodes'],
  daemon: [
    'contract',
    'config',
    'realtime',
    'imaging',
    'api',
    'description',
    'foxglove',
    'dashboard',
    'ros',
    'hardware',
    'simulation',
    'control',
    'policy',
    'episodes',
    'learning',
    'network',
  ],
  cli: ['contract', 'config', 'api', 'daemon'],
  'main.ts': ['cli', 'contract'],
};

const IMPORT = /(?:from\s+|import\s*\(\s*|import\s+|new URL\(\s*)['"](\.{1,2}\/[^'"]+)['"]/g;

function layerOf(file: string): string {
  return relative(SRC, file).split('/')[0] ?? '';
}

/** Every import of `file` that the table forbids, as `from -> to`. */
function forbiddenImports(file: string, text: string): string[] {
  const from = layerOf(file);
  const allowed = ALLOWED[from];
  if (!allowed) return [`${relative(SRC, file)}: layer "${from}" is not in the table`];
  return [...text.matchAll(IMPORT)]
    .map((match) => layerOf(resolve(dirname(file), match[1] ?? '')))
    .filter((to) => to !== from && !allowed.includes(to) && to !== '..')
    .map((to) => `${relative(SRC, file)} -> ${to}`);
}

function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(SRC, name));
}

describe('architecture', () => {
  it('sees the source files of every layer', () => {
    const seen = new Set(sourceFiles().map(layerOf));
    expect([...seen].sort()).toEqual(Object.keys(ALLOWED).sort());
  });

  it('has no forbidden import', () => {
    const faults = sourceFiles().flatMap((file) => forbiddenImports(file, readFileSync(file, 'utf8')));
    expect(faults).toEqual([]);
  });

  it('catches a planted fault, in every form an import can take', () => {
    const file = join(SRC, 'control/planted.ts');
    for (const statement of [
      `import { World } from '../simulation/world.js';`,
      `import type { World } from '../simulation/world.js';`,
      `const m = await import('../simulation/world.js');`,
      `export * from '../simulation/world.js';`,
      `import '../simulation/world.js';`,
      `new Worker(new URL('../simulation/worker.js', import.meta.url));`,
    ]) {
      expect(forbiddenImports(file, statement)).toEqual(['control/planted.ts -> simulation']);
    }
  });

  it('keeps robot.command behind the limits: one caller in src', () => {
    const callers = sourceFiles().filter((file) => /\brobot\.command\(/.test(readFileSync(file, 'utf8')));
    expect(callers.map((file) => relative(SRC, file))).toEqual(['control/limits.ts']);
  });

  it('has no source file over 400 lines', () => {
    const long = sourceFiles().filter((file) => readFileSync(file, 'utf8').split('\n').length > 400);
    expect(long.map((file) => relative(SRC, file))).toEqual([]);
  });
});
