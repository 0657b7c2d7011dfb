import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { ServoBus } from '#alohad/hardware/dynamixel/bus.js';
import { ADDRESS, HARDWARE_ERROR } from '#alohad/hardware/dynamixel/controlTable.js';
import { SerialPort } from '#alohad/hardware/serialPort.js';
import { alohad } from './alohad.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'alohad-emulate-'));
const path = join(folder, 'ttyDXL');
const rig = join(folder, 'rig.yaml');
writeFileSync(rig, `buses:\n  left: { port: ${path}, arm: vx300s }\n`);
let child: ChildProcess | undefined;
afterAll(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Sends commands to the control socket; returns the answers. */
async function tell(socketPath: string, commands: readonly string[]): Promise<string[]> {
  const socket = connect(socketPath);
  socket.write(`${commands.join('\n')}\n`);
  const answers: string[] = [];
  for await (const line of createInterface(socket)) {
    if (answers.push(line) === commands.length) break;
  }
  socket.destroy();
  return answers;
}

describe('alohad emulate', () => {
  it('opens ports, lets servos fail on demand, and takes everything away on Ctrl-C', async () => {
    const running = spawn(process.execPath, [MAIN, 'emulate', '--rig', rig, '--no-wire']);
    child = running;
    const exited = new Promise<number | null>((resolve) => {
      running.once('exit', resolve);
    });
    let output = '';
    await new Promise<void>((resolve) => {
      running.stdout.on('data', (text: Buffer) => {
        output += text.toString();
        if (output.includes('Ctrl-C')) resolve();
      });
    });
    expect(output).toContain(path);
    const control = join(folder, 'control.sock');
    expect(await tell(control, ['left servo 9 overload', 'right unplug', 'left dance'])).toEqual([
      'ok',
      'error: there is no emulated bus "right"; there are left',
      expect.stringContaining('is no command'),
    ]);
    const port = await SerialPort.open(path, 1_000_000);
    const bus = new ServoBus(port, { slackMs: 1000 });
    // The fault crosses to the emulator's thread after the answer.
    await expect.poll(() => bus.ping(9).alert).toBe(true);
    expect(bus.readUnsigned(9, ADDRESS.hardwareErrorStatus, 1)).toBe(HARDWARE_ERROR.overload);
    port.close();

    running.kill('SIGINT');
    expect(await exited).toBe(130);
    expect([existsSync(path), existsSync(control)]).toEqual([false, false]);
  });

  it('says what a rig without buses lacks', async () => {
    writeFileSync(rig, 'name: none\n');
    const { code, stderr } = await alohad(['emulate', '--rig', rig]);
    expect(code).toBe(2);
    expect(stderr).toContain('launch/rigs/aloha.yaml');
  });
});
