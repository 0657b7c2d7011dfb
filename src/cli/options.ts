/** Options and argument parsers that several verbs share. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { defaultRig, loadRig, RIG_BACKENDS, type Rig } from '../config/rig.js';
import { TASKS } from '../contract/task.js';

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(
        `expected a whole number of at least ${min}${max < 1e15 ? ` and at most ${max}` : ''}.`,
      );
    }
    return value;
  };
}

export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isFinite(value) || text.trim() === '' || value < min || value > max) {
      throw new InvalidArgumentError(`expected a number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** `640x480` as width and height. */
export function imageSize(text: string): { width: number; height: number } {
  const [, width = 0, height = 0] = (/^(\d+)x(\d+)$/.exec(text) ?? []).map(Number);
  if (width < 1 || height < 1) throw new InvalidArgumentError('expected WIDTHxHEIGHT, as 640x480.');
  return { width, height };
}

/** Comma-separated names. */
export const names = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

export interface RigOptions {
  rig?: string;
  backend?: Rig['backend'];
  task?: (typeof TASKS)[number];
  scene?: string;
}

/** Adds --rig, --backend, --task and --scene. */
export function withRig(command: Command): Command {
  return command
    .option('--rig <file>', 'rig file (YAML); the built-in simulation when absent')
    .addOption(new Option('--backend <name>', 'overrides the rig file').choices(RIG_BACKENDS))
    .addOption(new Option('--task <name>', 'overrides the rig file').choices(TASKS))
    .option('--scene <file.xml>', 'another MJCF scene with the named joints');
}

/** The rig that the options describe. */
export function rigOf(options: RigOptions): Rig {
  const rig = options.rig === undefined ? defaultRig() : loadRig(options.rig);
  return {
    ...rig,
    backend: options.backend ?? rig.backend,
    task: options.task ?? rig.task,
    simulation: options.scene === undefined ? rig.simulation : { ...rig.simulation, scene: options.scene },
  };
}

export type Pace = 'realtime' | 'fast';

/** `--pace`, for verbs that are in no hurry to be watched. */
export const paceOption = (): Option =>
  new Option(
    '--pace <pace>',
    'realtime: 50 Hz by the clock; fast: as the simulation can (its default)',
  ).choices(['realtime', 'fast']);

/** Only the simulation can be faster than the clock. */
export const paceOf = ({ pace }: { readonly pace?: Pace }, { backend }: Rig): Pace =>
  pace ?? (backend === 'sim' ? 'fast' : 'realtime');
