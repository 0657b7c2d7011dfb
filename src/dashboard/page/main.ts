/** The dashboard's entry: connects what comes in to what is shown, and buttons to commands. */
import type { CommandInput } from '../../contract/api.js';
import type { RecordedEpisode, ServedState } from '../../contract/apiState.js';
import { ArmScene } from './armScene.js';
import { Cameras } from './cameras.js';
import { Connection } from './connection.js';
import { element, input, make } from './elements.js';
import { EpisodeList } from './episodeList.js';
import { History } from './history.js';
import { StateView } from './stateView.js';

/** Lines of the log that are kept. */
const MOST_EVENTS = 200;

const history = new History();
const cameras = new Cameras();
const scene = new ArmScene();
const view = new StateView((kind, name) => {
  choose(kind, name);
});
let state: ServedState | undefined;
let client = 0;

const connection = new Connection({
  onOpen: () => {
    command({ type: 'hello', name: 'dashboard' });
  },
  onLost: (reason) => {
    view.lost(reason);
  },
  onFrame: (frame) => {
    if (frame.kind === 'camera') {
      cameras.show(frame);
      return;
    }
    history.add(frame);
    if (frame.kind === 'joints') scene.pose(frame.qpos, frame.goal);
  },
  onMessage: (message) => {
    switch (message.type) {
      case 'welcome':
        client = message.client;
        element('events').replaceChildren(); // The daemon tells the newest ones again.
        update(message.state);
        command({ type: 'subscribe', cameras: [...message.state.cameras], joints: true, chunks: true });
        void listEpisodes();
        return;
      case 'state':
        update(message.state);
        return;
      case 'event':
        note(message.at, message.level, message.text);
        return;
      case 'refused':
        note(Date.now(), 'warn', message.error.message);
        return;
      case 'ok':
        return;
      default:
        message satisfies never;
    }
  },
});

function update(next: ServedState): void {
  const before = state;
  state = next;
  cameras.arrange(next.cameras);
  cameras.judge(next.webcams);
  view.show(next, client);
  if (before && before.cameras.join() !== next.cameras.join())
    command({ type: 'subscribe', cameras: [...next.cameras], joints: true, chunks: true });
  if (before?.mode === 'record' && before.run?.done !== next.run?.done) void listEpisodes();
}

/** Sends a command whose refusal is shown among the events. */
function command(message: CommandInput): void {
  connection.ask(message).catch(() => {});
}

type Request = Extract<CommandInput, { type: 'mode' }>['request'];

function choose(kind: 'mode' | 'backend', name: string): void {
  if (kind === 'mode') {
    const request = requestOf(name);
    if (request) command({ type: 'mode', request });
  } else if (name === 'sim' || name === 'real' || name === 'emulated' || name === 'ros') {
    command({ type: 'backend', backend: name });
  }
}

/** What a mode has to be told; undefined when it has to be filled in first. */
function requestOf(mode: string): Request | undefined {
  const policy = input('policy').value;
  switch (mode) {
    case 'idle':
    case 'remote':
      return { mode };
    case 'teleop':
      return { mode };
    case 'trial':
    case 'record':
      return {
        mode,
        policy,
        episodes: input('episodes').valueAsNumber,
        ...(input('seconds').value !== '' && { seconds: input('seconds').valueAsNumber }),
      };
    case 'replay':
      note(Date.now(), 'warn', 'press "replay" beside the episode that is to be played again');
      element('list').scrollIntoView();
      return undefined;
    case 'finetune': {
      const [demonstrations, out] = [input('demonstrations').value, input('out').value];
      if (demonstrations !== '' && out !== '') return { mode, policy, demonstrations, out };
      note(
        Date.now(),
        'warn',
        'fine-tuning needs a folder of demonstrations and a folder for its run: fill them in',
      );
      input(demonstrations === '' ? 'demonstrations' : 'out').focus();
      return undefined;
    }
    default:
      return undefined;
  }
}

const episodeList = new EpisodeList({
  label: (episode, success, text) => {
    connection
      .ask({ type: 'label', episode: episode.path, success, note: text })
      .then(listEpisodes, () => {});
  },
  replay: (episode) => {
    command({ type: 'mode', request: { mode: 'replay', episode: episode.path } });
  },
});

/** Lists are read in threads of their own: an earlier question may be answered after a later one. */
let listsAsked = 0;

async function listEpisodes(): Promise<void> {
  const asked = ++listsAsked;
  let episodes: readonly RecordedEpisode[];
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    episodes = (await connection.ask({ type: 'episodes' })) as readonly RecordedEpisode[];
  } catch {
    return;
  }
  if (asked === listsAsked) episodeList.show(episodes, state?.episodeFolder ?? '');
}

function note(at: number, level: 'info' | 'warn', text: string): void {
  const list = element('events');
  list.prepend(make('li', `${new Date(at).toLocaleTimeString()}  ${text}`, level));
  while (list.childElementCount > MOST_EVENTS) list.lastElementChild?.remove();
}

function stop(): void {
  command({ type: 'emergency_stop' });
}

// Pressing it twice in alarm stops twice: clearing is another button's.
element('stop').addEventListener('click', stop);
element('clear').addEventListener('click', () => {
  command({ type: 'clear_emergency_stop' });
});
element('end-take').addEventListener('click', () => {
  command({ type: 'take', what: 'end' });
});
element('again').addEventListener('click', () => {
  command({ type: 'take', what: 'again' });
});
element('velocity').addEventListener('change', () => {
  command({ type: 'limit', velocityRadPerS: input('velocity').valueAsNumber });
  // Shows what the daemon made of it.
  input('velocity').blur();
});
element('take').addEventListener('click', () => {
  command({ type: 'take_control', force: true });
});
element('refresh').addEventListener('click', () => void listEpisodes());
// Space stops wherever the focus is, also on a button, which it would press; only text fields keep it.
document.addEventListener(
  'keydown',
  (event) => {
    if (event.code !== 'Space' || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    stop();
  },
  { capture: true },
);
document.addEventListener(
  'keyup',
  (event) => {
    if (event.code === 'Space' && !(event.target instanceof HTMLInputElement)) event.preventDefault();
  },
  { capture: true },
);
setInterval(() => {
  cameras.countRates();
}, 1000);

/** Plots and arms at most so often [ms]; a slow machine draws less and stays usable. */
const DRAW_PERIOD_MS = 80;
/** Rests at least so many times as long as it drew. */
const REST = 3;
let restUntilMs = 0;

function draw(nowMs: number): void {
  requestAnimationFrame(draw);
  if (nowMs < restUntilMs) return;
  const beganMs = performance.now();
  history.draw();
  scene.draw();
  const tookMs = performance.now() - beganMs;
  restUntilMs = beganMs + Math.max(DRAW_PERIOD_MS, (1 + REST) * tookMs);
}
requestAnimationFrame(draw);
