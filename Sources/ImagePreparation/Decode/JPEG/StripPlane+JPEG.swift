extension StripPlane {
  /// The planes that libjpeg-turbo delivers for a JPEG. At full scale they are also the planes of other kinds of file. A component is
  /// shrunk less than the image as long as this avoids upsampling it (libjpeg-turbo 2.1.5, jdmaster.c, `jpeg_core_output_dimensions` and
  /// `jpeg_calc_output_dimensions`).
  static func planes(
    of size: ImageSize, samplingFactors factors: [(horizontal: Int, vertical: Int)], denominator: Int
  ) -> [StripPlane] {
    let most = mostSampling(factors)
    return zip(factors, blockSizes(factors, denominator: denominator)).map { factor, block in
      let width = divideRoundingUp(size.width * factor.horizontal * block, most.horizontal * 8)
      let height = divideRoundingUp(size.height * factor.vertical * block, most.vertical * 8)
      let blocks = divideRoundingUp(size.width * factor.horizontal, most.horizontal * 8)
      return StripPlane(
        layout: RowLayout(channels: .gray, bitDepth: 8, width: width), height: height,
        stripRows: factor.vertical * block, rowBytes: blocks * block)
    }
  }

  /// The number of plane samples per stored pixel, along each axis.
  static func scales(
    samplingFactors factors: [(horizontal: Int, vertical: Int)], denominator: Int
  ) -> [(x: Double, y: Double)] {
    let most = mostSampling(factors)
    return zip(factors, blockSizes(factors, denominator: denominator)).map { factor, block in
      (
        Double(factor.horizontal * block) / Double(most.horizontal * 8),
        Double(factor.vertical * block) / Double(most.vertical * 8)
      )
    }
  }

  /// The number of samples along each side of a component's scaled block.
  private static func blockSizes(
    _ factors: [(horizontal: Int, vertical: Int)], denominator: Int
  ) -> [Int] {
    let most = mostSampling(factors)
    let smallest = 8 / denominator
    return factors.map { factor in
      var block = smallest
      while block < 8, most.horizontal * smallest % (factor.horizontal * block * 2) == 0,
        most.vertical * smallest % (factor.vertical * block * 2) == 0
      {
        block *= 2
      }
      return block
    }
  }

  private static func mostSampling(
    _ factors: [(horizontal: Int, vertical: Int)]
  ) -> (horizontal: Int, vertical: Int) {
    factors.reduce((1, 1)) { (max($0.0, $1.horizontal), max($0.1, $1.vertical)) }
  }

  private static func divideRoundingUp(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }
}
