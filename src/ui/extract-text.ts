import { formatBytes } from '../policy/format-bytes.ts';
import type { ExtractedFile, ExtractedTree } from '../queries/extract-schema.ts';

const checked = "every byte checked against the payload's index (SHA-256)";

export const extractedFileText = ({ path, sizeBytes, replaced }: ExtractedFile): string =>
  `${path}: ${replaced ? 'replaced' : 'written'}, ${formatBytes(sizeBytes)}, ${checked}`;

export const extractedTreeText = ({ path, sizeBytes, files }: ExtractedTree): string =>
  `${path}: ${files.length} files, ${formatBytes(sizeBytes)}, ${checked}`;
