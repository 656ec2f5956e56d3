// What the page's modules hand to one another, for the type checker only; browsers never load this file.

/** Keys of the page's words. */
export type Key = keyof typeof import("./lang/en.json");

/** `config.json`. */
export interface Facts {
  model: ModelFacts;
  models: string[];
  usual?: string;
  palette: Record<string, string>;
  data: { facts: string; samples: string | null } | null;
  server: ServerFacts | null;
  device: DeviceFacts | null;
  why_no_device: string | null;
}

export interface ModelFacts {
  name: string;
  version: string;
  detector: string;
  labels: string[];
  colours: Record<string, string>;
  crop: CropSpec;
  uncertain_below: number;
  bytes: number;
  precision: string;
  created: string;
  license: string;
  temperature: number;
  sha256: string;
  training: Record<string, any>;
  metrics: Record<string, any>;
  evaluation: any;
}

export interface CropSpec {
  size: number;
  color: "gray" | "rgb";
  margin: number;
  shift_y: number;
  align: string;
  least_tilt?: number;
}

export interface ServerFacts {
  live: string;
  analyze: string;
  video: string;
  token: boolean;
  pictures: string[];
  limits: Record<string, number>;
}

export interface DeviceFacts {
  runtime: string;
  webgpu: boolean;
  classifier: string;
  detector: {
    file: string;
    side: number;
    name: string;
    strides: number[];
    score: number;
    overlap: number;
    second_look: SecondLook | null;
  };
}

export interface SecondLook {
  side: number;
  margin: number;
  below: number;
  first: number;
  second: number;
  shift: number;
  points?: number | null;
}

export interface Face {
  box: [number, number, number, number];
  landmarks: [number, number][] | null;
  score: number;
  emotion: string;
  confidence: number;
  uncertain: boolean;
  probabilities: Record<string, number>;
  smooth?: Record<string, number>;
  track?: number;
}

/** Faces of a frame; `begun` is when it was handed over, in ms. */
export interface Reading {
  width: number;
  height: number;
  faces: Face[];
  begun: number;
}

/** The documented JSON of a picture. */
export interface Analysis {
  source: string;
  width: number | null;
  height: number | null;
  detector: string | null;
  model: string | null;
  faces: Face[];
  error: string | null;
}

/** A way of reading faces. */
export interface Engine {
  name: string;
  bytes: number;
  onreading: (reading: Reading) => void;
  onproblem: (error: Error) => void;
  prepare(): Promise<void>;
  start(): Promise<void>;
  stop(): void;
  send(source: HTMLVideoElement, timeS: number): boolean;
  photo(file: File): Promise<Analysis>;
}

/** The way that the visitor has chosen. */
export interface Choice extends EventTarget {
  name: string;
  readonly current: any;
}

/** What every tab is given. */
export interface Page {
  facts: Facts;
  choice: Choice;
  tell: (error: Error | null) => void;
}

/** Elements of index.html that are more than an HTMLElement. */
export interface Elements {
  alone: HTMLAnchorElement;
  ask: HTMLDialogElement;
  camera: HTMLVideoElement;
  cameras: HTMLSelectElement;
  language: HTMLSelectElement;
  mirror: HTMLInputElement;
  modelfile: HTMLInputElement;
  modelnames: HTMLSelectElement;
  overlay: HTMLCanvasElement;
  pause: HTMLButtonElement;
  photos: HTMLInputElement;
  sessionclear: HTMLButtonElement;
  sessioncsv: HTMLButtonElement;
  start: HTMLButtonElement;
  stop: HTMLButtonElement;
  strip: HTMLCanvasElement;
  token: HTMLInputElement;
  trylive: HTMLButtonElement;
  videofile: HTMLInputElement;
  videoprogress: HTMLProgressElement;
}
