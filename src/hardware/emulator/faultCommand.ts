/**
 * The control channel's language, one command per line, as a person would type it:
 *
 *   BUS servo ID overload|overheat|undervoltage|shock|absent|present
 *   BUS hand ID TICK | BUS hand ID free
 *   BUS stops ID MIN MAX | BUS stops ID free
 *   BUS line drop=0.02 corrupt=0.02 duplicate=0 wrongId=0 delay=0.1 delayMs=20
 *   BUS unplug | BUS replug
 */
import { UsageError } from '../../contract/errors.js';
import { SERVO_FAULTS, type FaultCommand, type LineFaults } from './faults.js';

const LINE_FAULTS = ['drop', 'corrupt', 'duplicate', 'wrongId', 'delay', 'delayMs'] as const;

/** Throws UsageError, which says what can be said. */
export function parseFaultCommand(line: string): { bus: string; command: FaultCommand } {
  const [bus = '', kind = '', ...rest] = line.trim().split(/\s+/);
  switch (kind) {
    case 'unplug':
    case 'replug':
      return { bus, command: { kind } };
    case 'line':
      return { bus, command: { kind, faults: lineFaults(rest) } };
    case 'servo': {
      const fault = SERVO_FAULTS.find((name) => name === rest[1]);
      if (!fault)
        throw new UsageError(`"${rest[1] ?? ''}" is no fault of a servo: ${SERVO_FAULTS.join(', ')}`);
      return { bus, command: { kind, id: number(rest[0]), fault } };
    }
    case 'hand': {
      const position = rest[1] === 'free' ? null : number(rest[1]);
      return { bus, command: { kind, id: number(rest[0]), position } };
    }
    case 'stops': {
      const range = rest[1] === 'free' ? null : ([number(rest[1]), number(rest[2])] as const);
      return { bus, command: { kind, id: number(rest[0]), range } };
    }
    default:
      throw new UsageError(`"${line}" is no command; say BUS and servo, hand, stops, line, unplug or replug`);
  }
}

function lineFaults(words: readonly string[]): LineFaults {
  const faults: Partial<Record<(typeof LINE_FAULTS)[number], number>> = {};
  for (const word of words) {
    const [key, value] = word.split('=');
    const name = LINE_FAULTS.find((known) => known === key);
    if (!name)
      throw new UsageError(`"${word}" is no fault of a line: ${LINE_FAULTS.join(', ')}, as in drop=0.02`);
    faults[name] = number(value);
  }
  return faults;
}

function number(word: string | undefined): number {
  const value = Number(word);
  if (word === undefined || word === '' || !Number.isFinite(value)) {
    throw new UsageError(`"${word ?? ''}" is not a number`);
  }
  return value;
}
