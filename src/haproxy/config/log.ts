import type { ServiceModel } from '../model.ts';
import type { Section } from './section.ts';

export function ringSections(_model: ServiceModel): Section[] {
  return [];
}

export function logLines(_model: ServiceModel): string[] {
  return [];
}
