import { prepareImages } from './images.ts';
import { prepareVirtualImages } from './virtual-images.ts';

// One after the other: what most tests wait for comes first.
await prepareImages();
await prepareVirtualImages();
