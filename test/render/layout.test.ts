import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CAMERA, INSTANCE, LIGHT, RECORD_BYTES, SHADOW } from '#alohad/simulation/render/layout.js';

/** Names of the kernel that differ from the host's for want of a namespace. */
const RENAMED: Readonly<Record<string, string>> = {
  INSTANCE_BYTES: 'instance.words',
  LIGHT_BYTES: 'light.words',
  LIGHT_POSITION: 'light.position',
  LIGHT_SPECULAR: 'light.specular',
};

test('the kernel and its host agree on where everything lies', () => {
  const source = readFileSync(
    new URL('../../src/simulation/render/kernel/layout.as.ts', import.meta.url),
    'utf8',
  );
  const kernel = new Map(
    [...source.matchAll(/export const (\w+): usize = (\d+);/g)].map(([, name, at]) => [name, Number(at)]),
  );
  expect(kernel.size).toBeGreaterThan(30);
  expect(kernel.get('RECORD_BYTES')).toBe(RECORD_BYTES);
  for (const [block, fields] of Object.entries({
    instance: INSTANCE,
    camera: CAMERA,
    light: LIGHT,
    shadow: SHADOW,
  })) {
    for (const [field, word] of Object.entries(fields)) {
      const snake = field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      const renamed = Object.entries(RENAMED).find(([, path]) => path === `${block}.${field}`)?.[0];
      const name = renamed ?? (block === 'shadow' ? `SHADOW_${snake}` : snake);
      if (field === 'words' && !kernel.has(name)) continue; // only blocks that come in rows have their size there
      expect(kernel.get(name), `${block}.${field} as ${name}`).toBe(4 * word);
    }
  }
});
