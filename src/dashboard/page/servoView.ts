/** Servos, arm after arm: how warm they are, how hard they work, what they report and what their link loses. */
import type { ServedState } from '../../contract/apiState.js';
import type { ServoHealth } from '../../contract/servoHealth.js';
import { element, make, row } from './elements.js';

/** From here on a servo is warm, or about to stop itself [degC]; XM and XH stop at 80, XL at 72 (their e-manuals). */
const WARM = 55;
const HOT = 65;
/** Both ends of the temperature bar [degC]. */
const ROOM = { from: 20, to: 80 } as const;

export class ServoView {
  /** Only what changed is drawn again: most states that are told are about something else. */
  #shown = '';

  show({ servos }: ServedState): void {
    const text = JSON.stringify(servos);
    if (text === this.#shown) return;
    this.#shown = text;
    const arms = [...new Set(servos.map(({ arm }) => arm))];
    const wrong = servos.filter(({ error }) => error !== '').length;
    element('servoFacts').textContent =
      servos.length === 0
        ? 'this backend has no servos'
        : wrong === 0
          ? `${servos.length}, none reports an error`
          : `${wrong} of ${servos.length} report an error`;
    element('servos').replaceChildren(
      ...arms.map((arm) => {
        const table = make('table');
        const header = make('tr');
        header.append(...[arm, 'temperature', 'effort', 'link', 'error'].map((title) => make('th', title)));
        table.append(header, ...servos.filter((servo) => servo.arm === arm).map(rowOf));
        return table;
      }),
    );
  }
}

function rowOf(servo: ServoHealth): HTMLTableRowElement {
  const { id, joint, temperatureC, voltageV, effort, error, timeouts, crcErrors, retries } = servo;
  const heat =
    temperatureC === null ? '' : temperatureC >= HOT ? 'bad' : temperatureC >= WARM ? 'warm' : 'good';
  const made = row(
    joint.replaceAll('_', ' '),
    temperatureC === null
      ? '–'
      : meter(`${temperatureC.toFixed(0)} °C`, (temperatureC - ROOM.from) / (ROOM.to - ROOM.from), heat),
    effort === null
      ? '–'
      : meter(
          `${Math.round(100 * effort)} %`,
          Math.abs(effort),
          Math.abs(effort) > 0.8 ? 'bad' : Math.abs(effort) > 0.5 ? 'warm' : 'good',
        ),
    timeouts + crcErrors + retries === 0
      ? 'clean'
      : `${timeouts} lost, ${crcErrors} damaged, ${retries} again`,
    error === '' ? 'none' : error,
  );
  made.title = `servo ${id}${voltageV === null ? '' : `, ${voltageV.toFixed(1)} V`}`;
  made.children[3]!.className = timeouts + crcErrors > 0 ? 'warm' : 'faint';
  made.children[4]!.className = error === '' ? 'faint' : 'bad';
  return made;
}

/** A number with a bar under it; `share` from 0 to 1. */
function meter(text: string, share: number, kind: string): HTMLElement {
  const made = make('span', text, `meter ${kind}`);
  made.style.setProperty('--share', `${100 * Math.min(1, Math.max(0, share))}%`);
  return made;
}
