"""Three kinds of plot as SVG, without a library: bars, lines over logarithmic axes, and labeled points."""
import math
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 970, 480, 70, 360, 44, 56
COLORS = ["#1b7f79", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17a2cf", "#ff7f0e", "#2c5aa0"]
OUR_COLOR = "#d62728"


def color(names, ours):
    others = [name for name in names if name != ours]
    return {name: OUR_COLOR if name == ours else COLORS[others.index(name) % len(COLORS)] for name in names}


def ticks(low, high, logarithmic):
    if logarithmic:
        steps = [m * 10**e for e in range(-1, 6) for m in (1, 2, 3, 5, 7)]
    else:
        step = next(s * 10**e for e in range(-3, 5) for s in (1, 2, 5) if (high - low) / (s * 10**e) <= 7)
        steps = [round(math.ceil(low / step) * step + i * step, 6) for i in range(12)]
    return [t for t in steps if low <= t <= high]


class Axes:
    def __init__(self, title, x_title, y_title, points, logarithmic_x, logarithmic_y):
        self.scales = []
        for values, logarithmic in (([p[0] for p in points], logarithmic_x), ([p[1] for p in points], logarithmic_y)):
            if logarithmic:
                low, high = min(values) / 1.2, max(values) * 1.2
            else:
                margin = (max(values) - min(values) or 1) * 0.1
                low, high = min(values) - margin, max(values) + margin
            self.scales.append((low, high, logarithmic))
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_title)}</text>',
            f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>',
        ]
        for t in ticks(*self.scales[0]):
            x = self.at((t, self.scales[1][0]))[0]
            self.parts += [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>',
                           f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{t:g}</text>']
        for t in ticks(*self.scales[1]):
            y = self.at((self.scales[0][0], t))[1]
            self.parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
                           f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{t:g}</text>']

    def at(self, point):
        place = []
        for value, (low, high, logarithmic) in zip(point, self.scales):
            share = (math.log(value / low) / math.log(high / low)) if logarithmic else (value - low) / (high - low)
            place.append(share)
        return LEFT + place[0] * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - place[1] * (HEIGHT - TOP - BOTTOM)

    def labels(self, wanted):
        """(name, y, color) beside the plot, moved apart where they would overlap."""
        last = -100.0
        for name, y, paint in sorted(wanted, key=lambda label: label[1]):
            last = max(y, last + 15)
            self.parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{last + 4:.1f}" fill="{paint}">{escape(name)}</text>')

    def text(self):
        return "\n".join(self.parts + ["</svg>"]) + "\n"


def series(lines, title, x_title, y_title, ours, logarithmic_y=True):
    """name: [(x, y)]; x logarithmic."""
    points = [p for points in lines.values() for p in points]
    axes, paint = Axes(title, x_title, y_title, points, True, logarithmic_y), color(lines, ours)
    labels = []
    for name, points in lines.items():
        places = [axes.at(p) for p in sorted(points)]
        dash = ' stroke-dasharray="5 4"' if name.startswith("floor") else ""
        axes.parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" fill="none" stroke="{paint[name]}" '
                          f'stroke-width="{3 if name == ours else 1.6}"{dash}/>')
        axes.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{paint[name]}"/>' for x, y in places]
        labels.append((name, places[-1][1], paint[name]))
    axes.labels(labels)
    return axes.text()


def scatter(points, title, x_title, y_title, ours):
    """name: (x, y); x logarithmic. Left and up is better."""
    axes, paint = Axes(title, x_title, y_title, list(points.values()), True, False), color(points, ours)
    labels = []
    for name, point in points.items():
        x, y = axes.at(point)
        axes.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{7 if name == ours else 5}" fill="{paint[name]}"/>')
        labels.append((f"{name} ({point[0]:.0f} ms, {point[1]:.1f} dB)", y, paint[name]))
    axes.labels(labels)
    return axes.text()


def bars(rows, title, note, limit=1.25):
    """(name, ratio, text): a bar for each, and a line at 1; longer bars end at `limit`."""
    left, width, step = 330, 420, 26
    scale, height = width / limit, TOP + step * len(rows) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="24" y="26" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for index, (name, value, text) in enumerate(rows):
        y = TOP + step * index
        parts += [
            f'<text x="{left - 12}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{left}" y="{y}" width="{min(value, limit) * scale:.1f}" height="18" fill="{OUR_COLOR if value > 1 else COLORS[0]}"/>',
            f'<text x="{left + min(value, limit) * scale + 8:.1f}" y="{y + 14}">{escape(text)}</text>',
        ]
    end = TOP + step * len(rows)
    parts += [f'<line x1="{left + scale:.1f}" x2="{left + scale:.1f}" y1="{TOP - 8}" y2="{end}" stroke="#333" stroke-dasharray="4 3"/>',
              f'<text x="{left + scale:.1f}" y="{end + 18}" text-anchor="middle">{escape(note)}</text>', "</svg>"]
    return "\n".join(parts) + "\n"
