/** `alohad episodes list|info|verify|recover|label`: what is in a folder of recordings, and is it whole. */
import { Command } from 'commander';
import { EXIT } from '../contract/errors.js';
import { addFormatVerbs } from './episodeFormats.js';
import { formatTable } from './table.js';
import { writeResult } from './resultFile.js';

interface JsonOption {
  json?: string;
}

export function episodesCommand(): Command {
  const command = new Command('episodes').description(
    'list, inspect, verify, recover, label, export, import and draw recorded episodes',
  );
  const verb = (name: string, summary: string): Command =>
    command.command(name).description(summary).option('--json <file>', 'machine-readable result');

  verb('list', 'one line per episode')
    .argument('[folder]', 'episode folder', 'episodes')
    .action(async (folder: string, { json }: JsonOption) => {
      const { listEpisodes } = await import('../daemon/episodeTools.js');
      const { episodes, unreadable, recovered } = listEpisodes(folder);
      for (const line of recovered) process.stderr.write(`${line}\n`);
      const rows = episodes.map(({ name, info, outcome, success, bytes }) => [
        name,
        info.task,
        info.source,
        String(info.seed),
        String(outcome.steps),
        `${outcome.maxReward}`,
        success === null ? '?' : success ? 'yes' : 'no',
        `${(bytes / 1e6).toFixed(1)} MB`,
        outcome.rejected ?? '',
      ]);
      process.stdout.write(
        formatTable(
          ['episode', 'task', 'source', 'seed', 'steps', 'reward', 'success', 'size', 'rejected'],
          rows,
        ),
      );
      for (const { path, reason } of unreadable) process.stdout.write(`unreadable: ${path}: ${reason}\n`);
      if (json !== undefined) writeResult(json, { episodes, unreadable });
      if (unreadable.length > 0) process.exitCode = EXIT.failed;
    });

  verb('info', 'everything known of one episode')
    .argument('<episode.mcap>')
    .action(async (path: string, { json }: JsonOption) => {
      const { episodeFacts } = await import('../daemon/episodeTools.js');
      const facts = episodeFacts(path);
      process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
      if (json !== undefined) writeResult(json, facts);
    });

  verb('verify', 'read every byte: checksums, counts, times, gaps, NaN, images')
    .argument('<path...>', 'episode files or folders')
    .action(async (paths: string[], { json }: JsonOption) => {
      const { verifyEpisodes } = await import('../daemon/episodeTools.js');
      const results = verifyEpisodes(paths);
      for (const { path, faults, steps } of results) {
        process.stdout.write(`${faults.length === 0 ? 'ok  ' : 'FAIL'} ${path} (${steps} steps)\n`);
        for (const fault of faults) process.stdout.write(`     ${fault}\n`);
      }
      const failed = results.filter(({ faults }) => faults.length > 0).length;
      process.stdout.write(`${results.length - failed} of ${results.length} whole\n`);
      if (json !== undefined) writeResult(json, results);
      if (failed > 0 || results.length === 0) process.exitCode = EXIT.failed;
    });

  verb('recover', 'make torn recordings (*.part.mcap) whole, up to their last finished chunk')
    .argument('[folder]', 'episode folder', 'episodes')
    .action(async (folder: string, { json }: JsonOption) => {
      const { recoverEpisodes } = await import('../daemon/episodeTools.js');
      const { lines, unreadable } = recoverEpisodes(folder);
      process.stdout.write(lines.length > 0 ? `${lines.join('\n')}\n` : 'nothing to recover\n');
      for (const { path, reason } of unreadable) process.stdout.write(`cannot recover ${path}: ${reason}\n`);
      if (json !== undefined) writeResult(json, { lines, unreadable });
      if (unreadable.length > 0) process.exitCode = EXIT.failed;
    });

  verb('label', 'say by hand whether an episode succeeded')
    .argument('<episode.mcap>')
    .argument('<success|failure>')
    .option('--note <text>', 'why', '')
    .action(async (path: string, label: string, { note }: JsonOption & { note: string }) => {
      const { labelEpisode } = await import('../daemon/episodeTools.js');
      labelEpisode(path, label, note);
      process.stdout.write(`${path}: ${label}\n`);
    });

  addFormatVerbs(verb);

  return command.addHelpText(
    'after',
    `
Examples:
  $ alohad episodes list episodes/insertion
  $ alohad episodes verify episodes/insertion
  $ alohad episodes sheet episodes/insertion/seed_0000000.mcap
  $ alohad episodes export episodes/insertion --format lerobot --out datasets/insertion
  $ alohad episodes export episodes/insertion --format aloha --images jpeg --out datasets/aloha
  $ alohad episodes import datasets/aloha --out episodes/imported`,
  );
}
