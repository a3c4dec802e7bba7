"""A second implementation of data.label_noise, data.fraction and data.hold_out,
for the known answers in noise_test.go:  python3 data/testdata/noise.py"""
M = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
NOISE, HOLD, PART = 5, 6, 7


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M
    return z ^ z >> 31


class Stream:
    def __init__(self, seed, *keys):
        h = mix((seed + GOLDEN) & M)
        for key in keys:
            h = mix(((h ^ key) + GOLDEN) & M)
        self.state = h

    def next(self):
        self.state = (self.state + GOLDEN) & M
        return mix(self.state)

    def below(self, n):
        while True:
            product = self.next() * n
            if product & M >= (1 << 64) % n:
                return product >> 64

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53


def noisy(labels, classes, rate, seed, kind):
    out = []
    for i, label in enumerate(labels):
        s = Stream(seed, NOISE, i)
        if s.uniform() < rate:
            if kind == "pair":
                label = (label + 1) % classes
            else:
                others = [c for c in range(classes) if c != label]
                label = others[s.below(classes - 1)]
        out.append(label)
    return out


def drawn(labels, seed, purpose, count):
    out = []
    for c in sorted(set(labels)):
        images = [i for i, label in enumerate(labels) if label == c]
        s, order = Stream(seed, purpose, c), list(range(len(images)))
        for i in range(len(order) - 1, 0, -1):
            j = s.below(i + 1)
            order[i], order[j] = order[j], order[i]
        out += [images[at] for at in order[: count(len(images))]]
    return sorted(out)


labels = [i % 4 for i in range(40)]
print("symmetric", noisy(labels, 4, 0.4, 3, "symmetric"))
print("pair", noisy(labels, 4, 0.4, 3, "pair"))
print("fraction", drawn(labels, 2, PART, lambda n: max(1, round(0.3 * n))))
print("hold out", drawn(labels, 2, HOLD, lambda n: max(1, round(0.2 * n))))
