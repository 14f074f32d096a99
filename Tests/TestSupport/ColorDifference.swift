import Foundation

/// The color difference ΔE2000 of two sRGB colors (Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula", 2005).
public enum ColorDifference {
  /// CIE L*a*b* of an sRGB color of 0 to 1, relative to its own white.
  public static func lab(_ rgb: [Double]) -> [Double] {
    let light = rgb.map { c in
      let value = min(max(c, 0), 1)
      return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
    }
    let rows = [
      [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041],
    ]
    let f = rows.map { row in
      let t = zip(row, light).reduce(0) { $0 + $1.0 * $1.1 } / row.reduce(0, +)
      return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116
    }
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
  }

  /// ΔE2000 of two colors in L*a*b*.
  public static func between(_ one: [Double], _ other: [Double]) -> Double {
    func radians(_ degrees: Double) -> Double { degrees * .pi / 180 }
    func seventh(_ c: Double) -> Double { (pow(c, 7) / (pow(c, 7) + pow(25, 7))).squareRoot() }
    let chroma = (hypot(one[1], one[2]) + hypot(other[1], other[2])) / 2
    let factor = 1 + (1 - seventh(chroma)) / 2
    func polar(_ lab: [Double]) -> (c: Double, h: Double) {
      let a = lab[1] * factor
      let degrees = atan2(lab[2], a) * 180 / .pi
      return (hypot(a, lab[2]), degrees < 0 ? degrees + 360 : degrees)
    }
    let (c1, h1) = polar(one)
    let (c2, h2) = polar(other)
    let isGray = c1 * c2 == 0
    var turn = h2 - h1
    if turn > 180 { turn -= 360 } else if turn < -180 { turn += 360 }
    if isGray { turn = 0 }
    let lightness = other[0] - one[0]
    let hue = 2 * (c1 * c2).squareRoot() * sin(radians(turn / 2))
    let meanL = (one[0] + other[0]) / 2
    let meanC = (c1 + c2) / 2
    var meanH = h1 + h2
    if !isGray {
      if abs(h1 - h2) > 180 { meanH += meanH < 360 ? 360 : -360 }
      meanH /= 2
    }
    let waves = [(-0.17, 1.0, -30.0), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63)]
    let t = 1 + waves.reduce(0) { $0 + $1.0 * cos(radians($1.1 * meanH + $1.2)) }
    let squared = (meanL - 50) * (meanL - 50)
    let l = lightness / (1 + 0.015 * squared / (20 + squared).squareRoot())
    let c = (c2 - c1) / (1 + 0.045 * meanC)
    let h = hue / (1 + 0.015 * meanC * t)
    let turned = (meanH - 275) / 25
    let rotation = -2 * seventh(meanC) * sin(radians(60 * exp(-turned * turned)))
    return (l * l + c * c + h * h + rotation * c * h).squareRoot()
  }
}
