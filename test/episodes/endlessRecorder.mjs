/** Records until it is killed, telling its parent the steps so far. Argument: the folder. */
import { EpisodeWriter } from '#alohad/episodes/episodeWriter.js';
import { exampleStep, INFO } from './exampleStep.mjs';

const writer = new EpisodeWriter(process.argv[2], 'episode_000000', INFO);
const append = () => {
  for (let i = 0; i < 10; i++) writer.appendStep(exampleStep(writer.steps));
  process.send(writer.steps);
  setTimeout(append, 1);
};
append();
