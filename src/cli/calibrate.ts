/** `alohad calibrate`: measures one physical arm, with a person who moves it. */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { loadRig } from '../config/rig.js';
import { UsageError } from '../contract/errors.js';
import { interruptible } from './interrupt.js';
import type { Keys } from './keyboard.js';
import { writeResult } from './resultFile.js';

interface CalibrateOptions {
  arm: string;
  rig: string;
  backend?: 'real' | 'emulated';
  out?: string;
  restart?: boolean;
  json?: string;
}

export function calibrateCommand(): Command {
  return new Command('calibrate')
    .description('measure one arm by hand: directions, ranges, homing offsets, gripper; torque stays off')
    .requiredOption(
      '--arm <name>',
      'bus of the rig: follower_left, follower_right, leader_left, leader_right',
    )
    .requiredOption('--rig <file>', 'rig file with buses')
    .addOption(
      new Option('--backend <name>', 'emulated: starts an emulator where none runs').choices([
        'real',
        'emulated',
      ]),
    )
    .option('--out <file>', 'the calibration; what the rig names, or ARM.calibration.yaml beside the rig')
    .option('--restart', 'begin anew, though an earlier run finished some steps')
    .option('--json <file>', 'machine-readable result')
    .addHelpText(
      'after',
      '\nCtrl-C keeps the steps that are done; the same command goes on. The calibration before is kept under its date.' +
        '\n\nExample:\n  $ alohad calibrate --arm follower_left --rig launch/rigs/aloha.yaml',
    )
    .action(async (options: CalibrateOptions) => {
      const { calibrate } = await import('../daemon/calibrating.js');
      const loaded = loadRig(options.rig);
      const rig = { ...loaded, backend: options.backend ?? loaded.backend };
      const named = rig.buses[options.arm]?.calibration;
      const path = options.out ?? named ?? join(dirname(options.rig), `${options.arm}.calibration.yaml`);
      const person = new HandsAndKeys(process.stdin, process.stdout);
      try {
        const report = await interruptible((signal) =>
          calibrate({ rig, arm: options.arm, path, restart: options.restart === true }, person, signal),
        );
        person.tell(
          `written: ${report.path}${report.previous === undefined ? '' : `; before: ${report.previous}`}`,
        );
        if (named === undefined)
          person.tell(`name it in the rig: ${options.arm}: { ..., calibration: ${path} }`);
        if (options.json !== undefined) writeResult(options.json, report);
      } finally {
        person.leave();
      }
    });
}

/** Between two looks at the numbers [ms]. */
const MOMENT_MS = 50;
const CTRL_C = '\u0003';

/** The person's keys and screen; a pipe's lines count as Enter, and numbers are shown on a terminal alone. */
class HandsAndKeys {
  readonly #keys: Keys;
  readonly #screen: Writable & { readonly isTTY?: boolean };
  #confirmed = false;
  #ended = false;
  readonly #hear = (data: Buffer): void => {
    const text = data.toString();
    if (text.includes(CTRL_C)) process.kill(process.pid, 'SIGINT');
    if (/[\r\n ]/.test(text)) this.#confirmed = true;
  };
  readonly #end = (): void => {
    this.#ended = true;
  };

  constructor(keys: Keys, screen: Writable & { readonly isTTY?: boolean }) {
    this.#keys = keys;
    this.#screen = screen;
    if (keys.isTTY === true) keys.setRawMode?.(true);
    keys.on('data', this.#hear).on('end', this.#end).resume();
  }

  tell(text: string): void {
    this.#screen.write(this.#screen.isTTY === true ? `\r\u001B[K${text}\n` : `${text}\n`);
    // A key that was pressed before the question is no answer to it.
    this.#confirmed = false;
  }

  show(line: string): void {
    if (this.#screen.isTTY === true) this.#screen.write(`\r\u001B[K${line}`);
  }

  confirms(): boolean {
    const confirmed = this.#confirmed;
    this.#confirmed = false;
    if (!confirmed && this.#ended)
      throw new UsageError('nobody is at the keyboard (standard input ended): calibrate in a terminal');
    return confirmed;
  }

  async moment(): Promise<void> {
    await sleep(MOMENT_MS);
  }

  leave(): void {
    if (this.#keys.isTTY === true) this.#keys.setRawMode?.(false);
    this.#keys.off('data', this.#hear).off('end', this.#end).pause();
  }
}
