/** Brings a scene file and everything it refers to into MuJoCo's in-memory file system. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SceneError } from '../contract/errors.js';
import type { MainModule } from '@mujoco/mujoco';
import type { TaskName } from '../contract/task.js';

/** Our own scene of a task; the package ships `urdf/`. */
export const ownScene = (task: TaskName): string =>
  fileURLToPath(new URL(`../../urdf/mjcf/${task}.xml`, import.meta.url));

/** Directories that MJCF compilers may name, and the elements whose files they hold. */
const ASSET_DIRECTORIES = {
  mesh: 'meshdir',
  skin: 'meshdir',
  texture: 'texturedir',
  hfield: 'meshdir',
} as const;

/**
 * Copies `scene` and, recursively, its includes, attached models, meshes and textures to the same absolute paths of
 * the in-memory file system, from where MuJoCo loads it by its path. Returns that path.
 * Throws SceneError naming the file that is missing and who asked for it.
 */
export function mountScene(mujoco: MainModule, scene: string): string {
  const root = resolve(scene);
  const mounted = new Set<string>();
  mountXml(root, dirname(root), undefined);
  return root;

  /** `home` is the folder of the loaded model: includes and assets are looked up from there as MuJoCo does. */
  function mountXml(path: string, home: string, asker: string | undefined): void {
    if (mounted.has(path)) return;
    const text = copy(path, asker)
      .toString('utf8')
      .replaceAll(/<!--[\s\S]*?-->/g, '');
    for (const [, element, attributes] of text.matchAll(/<(\w+)\b([^>]*)>/g)) {
      const file = attribute(attributes!, 'file');
      if (file === undefined) continue;
      if (element === 'include') mountXml(locate(file, home, path), home, path);
      else if (element === 'model') {
        const model = locate(file, home, path);
        mountXml(model, dirname(model), path);
      } else {
        const directory =
          compilerDirectory(text, element as string) ?? compilerDirectory(rootText(), element as string);
        const asset = isAbsolute(file) ? file : resolve(home, directory ?? '', file);
        if (!mounted.has(asset)) copy(asset, path);
      }
    }
  }

  function rootText(): string {
    return readFileSync(root, 'utf8');
  }

  function copy(path: string, asker: string | undefined): Buffer {
    if (!existsSync(path)) {
      const who = asker === undefined ? '' : `, which ${asker} refers to`;
      throw new SceneError(`No such scene file: ${path}${who}. Put the file there, or give another --scene.`);
    }
    const bytes = readFileSync(path);
    mujoco.FS.mkdirTree(dirname(path), 0o777);
    mujoco.FS.writeFile(path, bytes);
    mounted.add(path);
    return bytes;
  }
}

/** An include is looked up from the loaded model's folder, then from that of the including file. */
function locate(file: string, home: string, asker: string): string {
  if (isAbsolute(file)) return file;
  const beside = join(dirname(asker), file);
  return existsSync(join(home, file)) || !existsSync(beside) ? join(home, file) : beside;
}

function compilerDirectory(xml: string, element: string): string | undefined {
  const compiler = /<compiler\b([^>]*)>/.exec(xml)?.[1];
  if (compiler === undefined) return undefined;
  const specific = ASSET_DIRECTORIES[element as keyof typeof ASSET_DIRECTORIES];
  return (specific && attribute(compiler, specific)) ?? attribute(compiler, 'assetdir');
}

const attribute = (attributes: string, name: string): string | undefined =>
  new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(attributes)?.[1];
