/** Parquet files in the few shapes that LeRobot uses: scalars, lists, lists of lists, images. */
import type { SchemaElement } from 'hyparquet';
import { fileWriter, ParquetWriter, type ColumnSource } from 'hyparquet-writer';
import { storing } from '../../contract/systemError.js';

export type Scalar = 'FLOAT' | 'DOUBLE' | 'INT64' | 'BOOLEAN' | 'STRING';
/** `depth` lists within each other, of `scalar`; 0 is the scalar itself. `image` is an encoded image with its path. */
export type ColumnType = { readonly scalar: Scalar; readonly depth: number } | 'image';

/** Column names with their types, in order. */
export type Columns = Readonly<Record<string, ColumnType>>;

export class ParquetFile {
  readonly #path: string;
  readonly #writer: ParquetWriter;

  /** Begins a file. `metadata` is stored with its schema. Throws StorageError. */
  constructor(path: string, columns: Columns, metadata: Readonly<Record<string, string>> = {}) {
    this.#path = path;
    const fields = Object.entries(columns);
    this.#writer = storing(
      path,
      () =>
        new ParquetWriter({
          writer: fileWriter(path),
          schema: [
            { name: 'schema', num_children: fields.length },
            ...fields.flatMap(([name, type]) => schemaOf(name, type)),
          ],
          statistics: false,
          kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
        }),
    );
  }

  /** Appends rows, column by column, as one row group. */
  async write(columnData: ColumnSource[]): Promise<void> {
    const rows = columnData[0]?.data.length ?? 0;
    // Nothing repeats enough for a dictionary; images would be searched for repetitions in vain.
    await storing(this.#path, () =>
      this.#writer.write({ columnData, rowGroupSize: Math.max(1, rows), dictionarySize: 0 }),
    );
  }

  async close(): Promise<void> {
    await storing(this.#path, () => this.#writer.finish());
  }
}

/** Writes a whole file at once. Throws StorageError. */
export async function writeParquet(
  path: string,
  columns: Columns,
  data: Readonly<Record<string, unknown[]>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const file = new ParquetFile(path, columns, metadata);
  await file.write(Object.keys(columns).map((name) => ({ name, data: data[name] ?? [] })));
  await file.close();
}

/** Everything is nullable and lists have three levels, as Arrow writes them. */
function schemaOf(name: string, type: ColumnType): SchemaElement[] {
  const repetition_type = 'OPTIONAL';
  if (type === 'image') {
    return [
      { name, repetition_type, num_children: 2 },
      { name: 'bytes', repetition_type, type: 'BYTE_ARRAY' },
      { name: 'path', repetition_type, type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    ];
  }
  const { scalar, depth } = type;
  if (depth > 0) {
    return [
      { name, repetition_type, converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...schemaOf('element', { scalar, depth: depth - 1 }),
    ];
  }
  return scalar === 'STRING'
    ? [{ name, repetition_type, type: 'BYTE_ARRAY', converted_type: 'UTF8' }]
    : [{ name, repetition_type, type: scalar }];
}
