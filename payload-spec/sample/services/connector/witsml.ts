import { serveConnector } from './serve-connector.ts';

const escape = (text: string) => text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);

serveConnector(
  ({ id, name, field, operator, depth }) =>
    `<well uid="W-${id}"><name>${escape(name)}</name><field>${escape(field)}</field>` +
    `<operator>${escape(operator)}</operator><wellheadTotalDepth ` +
    `uom="${depth.unit}">${depth.value}</wellheadTotalDepth></well>`,
);
