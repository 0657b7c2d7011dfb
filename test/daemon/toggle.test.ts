/** The daemon switched between the simulation and emulated arms while it runs, with a trial on each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ServedDaemon, until, writeRigOfBoth } from './servedDaemon.js';

const folder = mkdtempSync(join(tmpdir(), 'alohad-toggle-'));
const rig = writeRigOfBoth(folder);
afterAll(() => rmSync(folder, { recursive: true }));

it('goes from sim to emulated and back, moves on both, and refuses what has no robot', async () => {
  const daemon = await ServedDaemon.start(['--rig', rig]);
  try {
    const client = await daemon.client();
    await until(client, ({ arms }) => arms === 'holding');
    for (const backend of ['emulated', 'sim'] as const) {
      await client.send({ type: 'backend', backend });
      const state = await until(client, ({ arms, changing }) => arms === 'holding' && !changing);
      expect(state.backend).toBe(backend);
      expect(state.cameras).toHaveLength(4);
      await client.send({ type: 'mode', request: { mode: 'trial', policy: 'script', episodes: 1 } });
      await until(client, ({ arms }) => arms === 'active');
      await client.send({ type: 'mode', request: { mode: 'idle' } });
      await until(client, ({ arms, mode }) => arms === 'holding' && mode === 'idle');
    }
    await expect(client.send({ type: 'backend', backend: 'real' })).rejects.toMatchObject({
      name: 'ArmError',
    });
    client.close();
  } finally {
    await daemon.stop();
  }
}, 120_000);
