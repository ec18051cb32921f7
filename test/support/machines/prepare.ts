import { prepareImages } from './images.ts';

await prepareImages();
