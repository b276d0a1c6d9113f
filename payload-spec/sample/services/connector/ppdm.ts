import { serveConnector } from './serve-connector.ts';

serveConnector(({ id, name, field, operator, depth }) => ({
  UWI: String(id).padStart(12, '0'),
  WELL_NAME: name,
  ASSIGNED_FIELD: field,
  OPERATOR: operator,
  FINAL_TD: depth.value,
  FINAL_TD_OUOM: depth.unit,
}));
