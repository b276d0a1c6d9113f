import { createHash } from 'node:crypto';
import type { TestHost } from './host.ts';

/** A well as the product's API takes it, whatever its release. */
export interface NewWell {
  name: string;
  field: string;
  operator: string;
  depthFt: number;
  latitude: number;
  longitude: number;
}

export interface WellList {
  schema: number;
  count: number;
  wells: Record<string, unknown>[];
}

/** Wells with every kind of text that a dump has to carry; the same ones every time. */
export function sampleWells(count: number): NewWell[] {
  const fields = ['Troll', 'Åsgard', 'Łeba "West"', "O'Brien\\Ridge", 'Marlim\tSul'];
  return Array.from({ length: count }, (_, index) => ({
    name: `W-${String(index + 1).padStart(5, '0')}`,
    field: fields[index % fields.length] as string,
    operator: `Operator ${(index * 7) % 23}`,
    depthFt: 5000 + index * 3.25,
    latitude: Number((58 + index * 0.001).toFixed(6)),
    longitude: Number((-3 + index * 0.002).toFixed(6)),
  }));
}

/** What the same wells must read as once the schema is 5: nothing lost, depths in metres, locations split. */
export function migratedWell(well: NewWell) {
  const { name, field, operator, latitude, longitude } = well;
  const totalDepthM = Math.round(well.depthFt * 304.8) / 1000;
  return { name, field, operator, totalDepthM, latitude, longitude };
}

/** Ids are the product's own business. */
export const withoutIds = (wells: WellList['wells']) =>
  wells.map((well) => Object.fromEntries(Object.entries(well).filter(([key]) => key !== 'id')));

/** The product's wells, through its real ingress. */
export class Wells {
  readonly #host: TestHost;

  constructor(host: TestHost) {
    this.#host = host;
  }

  async add(wells: readonly NewWell[]): Promise<void> {
    const { status, body } = await this.#host.http('POST', '/admin/api/wells', JSON.stringify(wells));
    if (status !== 201) throw new Error(`the product took no wells: ${status} ${body.slice(0, 500)}`);
  }

  async list(): Promise<WellList> {
    const { status, body } = await this.#host.http('GET', '/admin/api/wells?limit=100000');
    if (status !== 200) throw new Error(`the product gave no wells: ${status} ${body.slice(0, 500)}`);
    return JSON.parse(body) as WellList;
  }

  /** Of all wells as the API gives them, and the schema that they are in. */
  async checksum(): Promise<string> {
    const { schema, count, wells } = await this.list();
    const hash = createHash('sha256').update(JSON.stringify(wells)).digest('hex');
    return `${count} in schema ${schema}, ${hash}`;
  }
}
