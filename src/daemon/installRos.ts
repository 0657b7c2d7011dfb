/** Lays alohad out as an ament package, so that `ros2 run alohad` and `ros2 launch alohad` find it. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'alohad';
const HOME = fileURLToPath(new URL('../../', import.meta.url));

/** Executables by name, and the verb each is; `alohad` is given its verb. */
const EXECUTABLES = { alohad: '', daemon: 'serve', node: 'ros' } as const;

/**
 * Only pointers are written: the program stays where npm put it, and moves with a new install.
 * @returns the files written
 */
export function installRos(prefix: string, home: string = HOME, node: string = process.execPath): string[] {
  const root = resolve(prefix);
  const share = join(root, 'share', PACKAGE);
  const lib = join(root, 'lib', PACKAGE);
  const index = join(root, 'share/ament_index/resource_index/packages');
  const launch = join(share, 'launch');
  for (const folder of [lib, index, launch]) mkdirSync(folder, { recursive: true });
  const written: string[] = [];
  const write = (path: string, text: string, mode = 0o644): void => {
    writeFileSync(path, text);
    chmodSync(path, mode);
    written.push(path);
  };
  const copy = (from: string, to: string): void => {
    copyFileSync(from, to);
    written.push(to);
  };
  write(join(index, PACKAGE), '');
  copy(join(home, 'package.xml'), join(share, 'package.xml'));
  const files = readdirSync(join(home, 'launch')).filter((name) => name.endsWith('.launch.xml'));
  for (const name of files) copy(join(home, 'launch', name), join(launch, name));
  const main = join(home, 'dist/main.js');
  for (const [name, verb] of Object.entries(EXECUTABLES)) {
    // exec: signals of ros2 launch reach the program itself.
    write(
      join(lib, name),
      `#!/bin/sh\nexec ${[node, main].map(quoted).join(' ')} ${verb === '' ? '' : `${verb} `}"$@"\n`,
      0o755,
    );
  }
  write(
    join(share, 'local_setup.sh'),
    `AMENT_PREFIX_PATH=${quoted(root)}\${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}\nexport AMENT_PREFIX_PATH\n`,
  );
  return written;
}

/** As one word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
