/** In the folder of an uninstall: what was removed, by whom and when, without secrets. */
export const lastRecordFile = 'uninstall.json';
