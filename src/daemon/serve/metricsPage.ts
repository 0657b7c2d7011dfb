/** The metrics page: Prometheus text format 0.0.4, units in names as its conventions ask (seconds). */
import type { DaemonState, TimingState } from '../../contract/apiState.js';

type Labels = Readonly<Record<string, string>>;

const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;

class Page {
  text = '';

  add(
    name: string,
    kind: 'gauge' | 'counter',
    help: string,
    ...rows: readonly (readonly [Labels, number])[]
  ): void {
    this.text += `# HELP alohad_${name} ${help}\n# TYPE alohad_${name} ${kind}\n`;
    for (const [labels, value] of rows) {
      const inside = Object.entries(labels)
        .map(([key, text]) => `${key}=${quoted(text)}`)
        .join(',');
      this.text += `alohad_${name}${inside === '' ? '' : `{${inside}}`} ${value}\n`;
    }
  }

  timing(name: string, help: string, { count, p50Ms, p99Ms, maxMs }: TimingState): void {
    this.add(
      `${name}_seconds`,
      'gauge',
      help,
      [{ quantile: '0.5' }, p50Ms / 1000],
      [{ quantile: '0.99' }, p99Ms / 1000],
      [{ quantile: '1' }, maxMs / 1000],
    );
    this.add(`${name}_count`, 'counter', `${help}: how many`, [{}, count]);
  }
}

export function metricsPage(state: DaemonState, served: { clients: number; dropped: number }): string {
  const page = new Page();
  const { loop, children, run } = state;
  page.add('info', 'gauge', 'What runs', [
    {
      software: state.software,
      backend: state.backend,
      task: state.task,
      mode: state.mode,
      arms: state.arms,
    },
    1,
  ]);
  page.add('emergency_stop', 'gauge', 'Whether the emergency stop is on', [{}, state.emergencyStop ? 1 : 0]);
  page.add('ticks_total', 'counter', 'Ticks of the control loop', [{}, loop.ticks]);
  page.add('missed_ticks_total', 'counter', 'Deadlines without a tick of their own', [{}, loop.missed]);
  page.timing('tick_late', 'How late ticks begin', loop.late);
  page.timing('tick_busy', 'Work of a tick', loop.busy);
  page.timing('inference_latency', 'From observation to action chunk', loop.latency);
  page.timing('emergency_stop_latency', 'From request to arms holding', loop.stopping);
  page.add(
    'child_up',
    'gauge',
    'Whether a part of the process tree runs',
    ...children.map((child) => [{ child: child.name }, child.state === 'running' ? 1 : 0] as const),
  );
  page.add(
    'child_deaths_total',
    'counter',
    'Deaths of a part of the process tree',
    ...children.map((child) => [{ child: child.name }, child.deaths] as const),
  );
  page.add('run_episodes', 'gauge', 'Episodes of the present or last run', [{}, run?.done ?? 0]);
  page.add('run_successes', 'gauge', 'Successes of the present or last run', [{}, run?.successes ?? 0]);
  page.add('clients', 'gauge', 'Connected clients', [{}, served.clients]);
  page.add('dropped_frames_total', 'counter', 'Frames not sent as a link was too slow', [{}, served.dropped]);
  return page.text;
}
