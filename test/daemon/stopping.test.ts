/**
 * What servos do when the process that drives them is asked to end, is closed with its terminal, loses its parent, or
 * fails: the arms hold, park, and lose torque only when parked or when a person says so. Read from the servos' own
 * registers.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alohad } from '../cli/alohad.js';
import { EmulatedAloha, SIDES } from '../hardware/emulatedAloha.js';
import { openPty, writeNow } from '#alohad/hardware/linux.js';
import { MAIN } from './servedDaemon.js';

const PLANTED = fileURLToPath(new URL('plantedError.mjs', import.meta.url));
const PARENT = fileURLToPath(new URL('parent.mjs', import.meta.url));
/** Ticks of a follower's shoulder at rest, and half way up. */
const AT_REST = 900;
const SHOULDER = 1;
const ATTEMPTS = 3;

let aloha: EmulatedAloha;
beforeEach(async () => {
  aloha = await EmulatedAloha.start();
});
afterEach(async () => {
  await aloha.close();
});

class Verb {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  shown = '';

  /** The verb by itself, or below `launcher`. */
  static run(args: string, launcher: readonly string[] = ['--import', PLANTED]): Verb {
    return new Verb(spawn(process.execPath, [...launcher, ...Verb.words(args)]));
  }

  static words(args: string): string[] {
    return `${MAIN} ${args} --rig ${aloha.rig} --backend emulated`.split(' ');
  }

  constructor(child: ChildProcess) {
    this.process = child;
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.shown += text));
    this.ended = new Promise((resolve) => this.process.on('close', resolve));
  }

  async until(text: string): Promise<void> {
    while (!this.shown.includes(text)) {
      if (this.process.exitCode !== null) throw new Error(`ended before "${text}" was shown: ${this.shown}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

const VERBS = {
  trial: 'trial --policy teleop --episodes 5',
  record: 'record --policy teleop --images none --out /tmp/never --episodes 5',
  teleop: 'teleop',
} as const;

/** The arms are up, and follow a person's. */
async function moving(name: keyof typeof VERBS, start = () => Verb.run(VERBS[name])): Promise<Verb> {
  for (let attempt = 1; ; attempt++) {
    const verb = start();
    try {
      await verb.until('close both leader grippers');
      aloha.closeHands();
      await verb.until('follow the leaders');
      return verb;
    } catch (error) {
      // A machine that runs tests may be too busy for arms, which is told, too.
      if (attempt === ATTEMPTS || !verb.shown.includes('or the machine overloaded')) throw error;
      aloha.openHands();
    }
  }
}

async function expectParked(): Promise<void> {
  for (const side of SIDES) {
    const { torque, position } = await aloha.servos(`follower_${side}`);
    expect(torque.every((on) => on === 0)).toBe(true);
    expect(position[SHOULDER]).toBeLessThan(AT_REST);
  }
}

describe('arms hold, then park, then lose torque', () => {
  it.each([
    ['trial', 'SIGTERM', 130],
    ['record', 'SIGINT', 130],
    ['teleop', 'SIGINT', 130],
    ['teleop', 'SIGHUP', 130],
    ['trial', 'SIGUSR2', 1],
    ['teleop', 'SIGUSR2', 1],
  ] as const)(
    '%s, %s',
    async (name, signal, code) => {
      const verb = await moving(name);
      verb.process.kill(signal);
      expect([await verb.ended, verb.shown]).toEqual([code, expect.stringContaining('stopping safely')]);
      if (signal === 'SIGUSR2') expect(verb.shown).toContain('Error: planted');
      await expectParked();
    },
    120_000,
  );
});

describe('arms are parked when what started their process is killed', () => {
  it('and had a channel to it', async () => {
    const verb = await moving('teleop', () => Verb.run(VERBS.teleop, [PARENT]));
    verb.process.kill('SIGKILL');
    // It goes on until the verb has let go of its output.
    await verb.ended;
    expect(verb.shown).toContain('the program that started this one is gone: stopping safely');
    await expectParked();
  }, 240_000);

  it('and keys at the terminal go elsewhere', async () => {
    const terminal = openPty();
    const pidFile = join(aloha.folder, 'pid');
    const started = `echo $$ >${pidFile}; ${process.execPath} ${Verb.words(VERBS.teleop).join(' ')}; true`;
    // A shell at a terminal that runs a script in the foreground, as people start things.
    const shell = `exec <${terminal.path}; exec bash --norc -i -c "$0"`;
    const shellWords = ['-c', shell, `sh -c '${started}'; read -t 20 line`];
    try {
      const verb = await moving('teleop', () => new Verb(spawn('sh', shellWords, { detached: true })));
      const script = Number(readFileSync(pidFile, 'utf8'));
      const driver = readFileSync(`/proc/${script}/task/${script}/children`, 'utf8').trim();
      process.kill(script, 'SIGKILL');
      while (existsSync(`/proc/${driver}`)) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(verb.shown).toContain('keys do not come to this program any more');
      await expectParked();
      writeNow(terminal.master, Buffer.from('\n'), 1);
      await verb.ended;
    } finally {
      terminal.close();
    }
  }, 240_000);
});

describe('arms that may not be moved stay stiff', () => {
  it('after an emergency stop at the keyboard, until a person parks them', async () => {
    const verb = await moving('teleop');
    verb.process.stdin!.write(' ');
    expect(await verb.ended).toBe(130);
    expect(verb.shown).toContain('EMERGENCY STOP: the arms hold');
    expect(verb.shown).toContain('alohad park');
    for (const side of SIDES) {
      const { torque, position, goal } = await aloha.servos(`follower_${side}`);
      expect(torque.every((on) => on === 1)).toBe(true);
      expect(position[SHOULDER]).toBeGreaterThan(AT_REST);
      expect(Math.abs(position[SHOULDER]! - goal[SHOULDER]!)).toBeLessThan(50);
    }
    const parked = await alohad(['park', '--rig', aloha.rig, '--backend', 'emulated']);
    expect([parked.code, parked.stderr]).toEqual([0, '']);
    await expectParked();
  }, 120_000);

  it('after a fault of a servo, until a person lets them go', async () => {
    const verb = await moving('trial');
    aloha.emulator.apply('follower_left', { kind: 'unplug' });
    expect(await verb.ended).toBe(1);
    expect(verb.shown).toContain('left stiff');
    const { torque, position } = await aloha.servos('follower_right');
    expect(torque.every((on) => on === 1)).toBe(true);
    expect(position[SHOULDER]).toBeGreaterThan(AT_REST);
    aloha.emulator.apply('follower_left', { kind: 'replug' });
    const let_go = await alohad(['park', '--limp', '--rig', aloha.rig, '--backend', 'emulated']);
    expect(let_go.code).toBe(0);
    for (const side of SIDES)
      expect((await aloha.servos(`follower_${side}`)).torque.every((on) => on === 0)).toBe(true);
  }, 120_000);
});
