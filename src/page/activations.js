// The activation functions of a network and their derivatives.

/** What each function computes, in words of a formula. */
const ACTIVATION_FORMULAS = {
  none: 'z',
  relu: 'max(0, z)',
  relu6: 'min(max(0, z), 6)',
  leaky_relu: 'z if z > 0, else slope · z',
  elu: 'z if z > 0, else e^z − 1',
  gelu: 'z · Φ(z)',
  silu: 'z · σ(z)',
  hard_swish: 'z · min(max(0, z + 3), 6) / 6',
  sigmoid: 'σ(z) = 1 / (1 + e^−z)',
  hard_sigmoid: 'min(max(0, z + 3), 6) / 6',
  tanh: 'tanh(z)',
};

/** erf x for |x| < 3: 2/√π e^(−x²) (x + 2x³/3 + 4x⁵/15 + ...), a series without cancellation. */
function erfBySeries(x) {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); ++n) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** 1 − erf x for x >= 3, by Laplace's continued fraction. */
function erfcByFraction(x) {
  let fraction = 0;
  for (let n = 20; n >= 1; --n) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction));
}

/** The error function, to about 1e-15. */
function erf(x) {
  if (Math.abs(x) < 3) return erfBySeries(x);
  return Math.sign(x) * (1 - erfcByFraction(Math.abs(x)));
}

/** 1 / (1 + e^−z). */
function sigmoid(z) {
  return 1 / (1 + Math.exp(-z));
}

/** The distribution function of the normal distribution. */
function normalDistribution(z) {
  return 0.5 * (1 + erf(z / Math.SQRT2));
}

/** Its density. */
function normalDensity(z) {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}

/** z between 0 and 6. */
function between0And6(z) {
  return Math.min(Math.max(0, z), 6);
}

/** y = f(z). */
function activate(name, negativeSlope, z) {
  switch (name) {
    case 'none': return z;
    case 'relu': return z > 0 ? z : 0;
    case 'relu6': return between0And6(z);
    case 'leaky_relu': return z > 0 ? z : negativeSlope * z;
    case 'elu': return z > 0 ? z : Math.expm1(z);
    case 'gelu': return z * normalDistribution(z);
    case 'silu': return z * sigmoid(z);
    case 'hard_swish': return z * between0And6(z + 3) / 6;
    case 'sigmoid': return sigmoid(z);
    case 'hard_sigmoid': return between0And6(z + 3) / 6;
    case 'tanh': return Math.tanh(z);
    default: throw new Error(`unknown activation ${name}`);
  }
}

/** f'(z); at a corner, the slope outside of where the function grows, as PyTorch has it. */
function activationSlope(name, negativeSlope, z) {
  switch (name) {
    case 'none': return 1;
    case 'relu': return z > 0 ? 1 : 0;
    case 'relu6': return z > 0 && z < 6 ? 1 : 0;
    case 'leaky_relu': return z > 0 ? 1 : negativeSlope;
    case 'elu': return z > 0 ? 1 : Math.exp(z);
    case 'gelu': return normalDistribution(z) + z * normalDensity(z);
    case 'silu': return sigmoid(z) * (1 + z * (1 - sigmoid(z)));
    case 'hard_swish':
      if (z <= -3) return 0;
      return z < 3 ? z / 3 + 0.5 : 1;
    case 'sigmoid': return sigmoid(z) * (1 - sigmoid(z));
    case 'hard_sigmoid': return z > -3 && z < 3 ? 1 / 6 : 0;
    case 'tanh': return 1 - Math.tanh(z) ** 2;
    default: throw new Error(`unknown activation ${name}`);
  }
}

