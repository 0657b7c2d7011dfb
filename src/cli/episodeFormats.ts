/** `alohad episodes export|import|sheet|plot`: recordings in other people's formats, and as pictures. */
import { Option, type Command } from 'commander';
import { FULL_FRAME } from '../contract/camera.js';
import { TASKS, type TaskName } from '../contract/task.js';
import { interruptible } from './interrupt.js';
import { imageSize, integer, names } from './options.js';
import { Progress } from './progress.js';
import { writeResult } from './resultFile.js';

type Format = 'aloha' | 'lerobot';
type ChannelOrder = 'rgb' | 'bgr';

interface ExportOptions {
  format: Format;
  out: string;
  keep: 'all' | 'successes';
  images?: string;
  cameras?: string[];
  size: { width: number; height: number };
  scene?: string;
  channelOrder: ChannelOrder;
  instruction?: string;
  json?: string;
}

interface ImportOptions {
  format?: Format;
  out: string;
  task: TaskName;
  channelOrder?: ChannelOrder;
  success: boolean;
  json?: string;
}

interface PictureOptions {
  out?: string;
  json?: string;
}

interface SheetOptions extends PictureOptions {
  cameras?: string[];
  moments: number;
  scene?: string;
}

const format = (): Option =>
  new Option('--format <name>', 'aloha: HDF5 files of ACT; lerobot: LeRobotDataset v3.0').choices([
    'aloha',
    'lerobot',
  ]);

const channelOrder = (): Option =>
  new Option(
    '--channel-order <order>',
    'aloha: colours of the arrays that ALOHA code gets; JPEGs by cv2.imdecode (bgr: openpi)',
  ).choices(['rgb', 'bgr']);

const SCENE = 'MJCF scene to draw physics states in, when it was not the built-in one';

/** Adds the verbs; `verb` makes one with its name and summary. */
export function addFormatVerbs(verb: (name: string, summary: string) => Command): void {
  verb('export', 'write episodes as ALOHA HDF5 files or as a LeRobot dataset')
    .argument('<path...>', 'episode files or folders')
    .addOption(format().makeOptionMandatory())
    .requiredOption('--out <folder>', 'a new folder')
    .addOption(new Option('--keep <which>', 'which episodes').choices(['all', 'successes']).default('all'))
    .option('--images <how>', 'aloha: raw (default) or jpeg; lerobot: video (default, needs ffmpeg) or png')
    .option('--cameras <names>', 'comma-separated; all that there are by default', names)
    .option('--size <WxH>', 'image size', imageSize, FULL_FRAME)
    .option('--scene <file.xml>', SCENE)
    .addOption(channelOrder().default('rgb'))
    .option('--instruction <text>', 'lerobot: what the robot is told to do; by task when absent')
    .action(async (paths: string[], { size, json, ...options }: ExportOptions) => {
      const { exportEpisodes } = await import('../daemon/exporting.js');
      const progress = new Progress('export');
      const report = await interruptible((signal) =>
        exportEpisodes({ paths, ...options, ...size }, progress, signal),
      );
      const { episodes, steps, cameras, images, out } = report;
      process.stdout.write(
        `${episodes} episodes, ${steps} steps, ${cameras.join(', ')} (${images}) in ${out}\n`,
      );
      if (json !== undefined) writeResult(json, report);
    });

  verb('import', 'make episodes of ALOHA HDF5 files or of a LeRobot dataset (v3.0)')
    .argument('<path>', 'an .hdf5 file, a folder of them, or the folder of a LeRobot dataset')
    .requiredOption('--out <folder>', 'episode folder; the new ones are added')
    .addOption(format())
    .addOption(
      new Option('--task <name>', 'what was done, if the files do not say')
        .choices(TASKS)
        .default('insertion'),
    )
    .addOption(channelOrder())
    .option('--success', 'the demonstrations succeeded, if the files do not say', false)
    .action(async (path: string, { json, ...options }: ImportOptions) => {
      const { importEpisodes } = await import('../daemon/importing.js');
      const progress = new Progress('import');
      const report = await interruptible((signal) => importEpisodes({ path, ...options }, progress, signal));
      process.stdout.write(`${report.files.length} episodes, ${report.steps} steps in ${report.out}\n`);
      if (json !== undefined) writeResult(json, report);
    });

  verb('sheet', 'one picture per episode: what each camera saw over time')
    .argument('<path...>', 'episode files or folders')
    .option('--out <folder>', 'where to; beside each episode by default')
    .option('--cameras <names>', 'comma-separated; all that there are by default', names)
    .option('--moments <n>', 'pictures per camera', integer(1, 50), 8)
    .option('--scene <file.xml>', SCENE)
    .action(async (paths: string[], { json, ...options }: SheetOptions) => {
      const { drawSheets } = await import('../daemon/episodeLooks.js');
      const progress = new Progress('sheet');
      listFiles(await interruptible((signal) => drawSheets({ paths, ...options }, progress, signal)), json);
    });

  verb('plot', 'one picture per episode: 14 joints observed and commanded, reward, events')
    .argument('<path...>', 'episode files or folders')
    .option('--out <folder>', 'where to; beside each episode by default')
    .action(async (paths: string[], { json, ...options }: PictureOptions) => {
      const { drawPlots } = await import('../daemon/episodeLooks.js');
      const progress = new Progress('plot');
      listFiles(await interruptible((signal) => drawPlots({ paths, ...options }, progress, signal)), json);
    });
}

function listFiles(files: readonly string[], json: string | undefined): void {
  process.stdout.write(`${files.join('\n')}\n`);
  if (json !== undefined) writeResult(json, { files });
}
