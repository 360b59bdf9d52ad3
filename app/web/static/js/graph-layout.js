// Where the steps of a definition stand and how their edges run: layers from top to bottom.

export const WIDTH = 190;
export const HEIGHT = 46;
const GAP_X = 22;
const GAP_Y = 38;
const BEND = 18; // the width that an edge takes where it passes a layer
const MARGIN = 12;
const SWEEPS = 6;

/** Arrange a definition: {nodes: [{id, step, x, y}], edges: [{points}], width, height, lateY}. */
export function arranged(definition) {
  const steps = stepsOf(definition);
  const needs = needsOf(steps);
  const { layerOf, lateLayer } = layersOf(steps, needs);
  const layers = [];
  const places = new Map(steps.map((step) => [step.id, put(layers, layerOf.get(step.id), { id: step.id, step })]));
  const chains = [...needs].flatMap(([id, before]) => before.map((need) => chain(layers, places.get(need), places.get(id))));
  sort(layers);
  spread(layers);
  return measured(layers, chains, lateLayer);
}

/** Read the steps that can be drawn, each id once. */
function stepsOf(definition) {
  const listed = Array.isArray(definition?.steps) ? definition.steps : [];
  const seen = new Set();
  return listed.filter((step) => {
    const fresh = typeof step?.id === "string" && step.id !== "" && !seen.has(step.id);
    if (fresh) seen.add(step.id);
    return fresh;
  });
}

const isLate = (step) => step.runOn === "failure" || step.runOn === "always";

/** Give the needs of each step: left out it is the step before it, for late steps none. */
function needsOf(steps) {
  const kinds = new Map(steps.map((step) => [step.id, isLate(step)]));
  const needs = new Map();
  let previous = [];
  for (const step of steps) {
    const asked = Array.isArray(step.needs) ? step.needs : isLate(step) ? [] : previous;
    const fits = (need) => need !== step.id && kinds.get(need) === isLate(step);
    needs.set(step.id, [...new Set(asked)].filter(fits));
    if (!isLate(step)) previous = [step.id];
  }
  return needs;
}

/** Put each step below all that it needs; what closes a cycle is left out of `needs`. */
function layersOf(steps, needs) {
  const layerOf = new Map();
  const open = new Set();
  const visit = (id) => {
    if (layerOf.has(id)) return layerOf.get(id);
    open.add(id);
    needs.set(id, needs.get(id).filter((need) => !open.has(need)));
    const layer = Math.max(-1, ...needs.get(id).map(visit)) + 1;
    open.delete(id);
    layerOf.set(id, layer);
    return layer;
  };
  steps.forEach((step) => visit(step.id));
  const late = steps.filter(isLate);
  const others = steps.filter((step) => !isLate(step)).map((step) => layerOf.get(step.id));
  const lateLayer = late.length && others.length ? Math.max(...others) + 1 : null;
  if (lateLayer !== null) late.forEach((step) => layerOf.set(step.id, layerOf.get(step.id) + lateLayer));
  return { layerOf, lateLayer };
}

function put(layers, layer, place) {
  (layers[layer] ??= []).push(place);
  return Object.assign(place, { layer, x: 0, up: [], down: [] });
}

/** Tie two steps by an edge that has a place in each layer that it passes. */
function chain(layers, from, to) {
  const passed = [from];
  for (let layer = from.layer + 1; layer < to.layer; layer += 1) passed.push(put(layers, layer, { bend: true }));
  passed.push(to);
  passed.slice(1).forEach((place, i) => {
    place.up.push(passed[i]);
    passed[i].down.push(place);
  });
  return passed;
}

/** Order each layer by the middle of its neighbours, so that few edges cross. */
function sort(layers) {
  const number = (layer) => layer.forEach((place, i) => { place.at = i; });
  layers.forEach(number);
  const middle = (places, otherwise) =>
    places.length ? places.reduce((sum, place) => sum + place.at, 0) / places.length : otherwise;
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) {
      layer.forEach((place) => { place.wish = middle(down ? place.up : place.down, place.at); });
      layer.sort((one, other) => one.wish - other.wish || one.at - other.at);
      number(layer);
    }
  }
}

/** Move the places of each layer towards their neighbours, as far as they do not touch. */
function spread(layers) {
  for (const layer of layers) settle(layer, layer.map(() => 0));
  for (let sweep = 0; sweep < SWEEPS * 2; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : layers.toReversed()) {
      settle(layer, layer.map((place) => {
        const near = down ? place.up : place.down;
        return near.length ? near.reduce((sum, other) => sum + other.x, 0) / near.length : place.x;
      }));
    }
  }
}

/** Come as near to the wished middles as the distances allow: half way between pushing right and left. */
function settle(layer, wishes) {
  const apart = layer.map((place, i) => (i ? (widthOf(place) + widthOf(layer[i - 1])) / 2 + GAP_X : 0));
  const right = [];
  wishes.forEach((wish, i) => right.push(i ? Math.max(wish, right[i - 1] + apart[i]) : wish));
  const left = [];
  for (let i = wishes.length - 1; i >= 0; i -= 1) {
    left[i] = i + 1 < wishes.length ? Math.min(wishes[i], left[i + 1] - apart[i + 1]) : wishes[i];
  }
  layer.forEach((place, i) => { place.x = (right[i] + left[i]) / 2; });
}

function widthOf(place) {
  return place.bend ? BEND : WIDTH;
}

function measured(layers, chains, lateLayer) {
  const all = layers.flat();
  const least = Math.min(0, ...all.map((place) => place.x - widthOf(place) / 2));
  const most = Math.max(0, ...all.map((place) => place.x + widthOf(place) / 2));
  const shift = (x) => Math.round(x - least + MARGIN);
  const top = (layer) => MARGIN + layer * (HEIGHT + GAP_Y) + (lateLayer !== null && layer >= lateLayer ? GAP_Y / 2 : 0);
  const nodes = all.filter((place) => place.step)
    .map((place) => ({ id: place.id, step: place.step, x: shift(place.x - WIDTH / 2), y: top(place.layer) }));
  const edges = chains.map((passed) => ({
    points: passed.flatMap((place, i) => ends(shift(place.x), top(place.layer), i, passed.length - 1)),
  }));
  const lateY = lateLayer === null ? null : top(lateLayer) - 20;
  const height = layers.length ? top(layers.length - 1) + HEIGHT + MARGIN : 2 * MARGIN;
  return { nodes, edges, lateY, width: Math.round(most - least) + 2 * MARGIN, height };
}

function ends(x, y, index, last) {
  const points = [];
  if (index > 0) points.push({ x, y });
  if (index < last) points.push({ x, y: y + HEIGHT });
  return points;
}
