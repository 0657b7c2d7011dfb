/** Stores a copy of a policy with something changed, whole or not at all. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKPOINT_FILES, type PolicyManifest } from '../contract/checkpoint.js';
import { StorageError } from '../contract/errors.js';
import { storing } from '../contract/systemError.js';

/** Throws StorageError. */
export function requireNew(out: string): void {
  if (existsSync(out)) throw new StorageError(`${out} exists already; give another --out`);
}

/** `model`: bytes of another policy.onnx. Throws StorageError. */
export function storeChanged(
  policy: string,
  manifest: PolicyManifest,
  out: string,
  model?: Uint8Array,
): void {
  const part = `${out}.part`;
  storing(out, () => {
    rmSync(part, { recursive: true, force: true });
    cpSync(policy, part, { recursive: true });
    if (model) writeFileSync(join(part, CHECKPOINT_FILES.model), model);
    const changed: PolicyManifest = {
      ...manifest,
      parent: manifest.name,
      ...(model && { modelSha256: createHash('sha256').update(model).digest('hex') }),
    };
    writeFileSync(join(part, CHECKPOINT_FILES.manifest), `${JSON.stringify(changed, null, 2)}\n`);
    renameSync(part, out);
  });
}
