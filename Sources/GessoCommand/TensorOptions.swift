public import ArgumentParser
public import ImagePreparation

/// The flags of a tensor beside the prepared image.
package struct TensorOptions: ParsableArguments {
  @Option(
    name: .customLong("tensor"),
    help: ArgumentHelp("Also write the prepared pixels as float32 in NumPy's format.", valueName: "FILE.npy"))
  package var path: String?

  @Option(help: "The order of the tensor's axes (default: nchw).")
  package var layout: TensorFormat.Layout?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The value to subtract from each channel (default: 0).", valueName: "N|R,G,B"))
  package var mean: NumbersArgument?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The value to divide each channel by (default: 1).", valueName: "N|R,G,B"))
  package var std: NumbersArgument?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The values of black and white (default: 0,1); diffusers means -1,1.", valueName: "LOW,HIGH|diffusers"))
  package var range: RangeArgument?

  package init() {}

  package mutating func validate() throws {
    if path.map(Console.outputName) == "-" { throw ValidationError("--tensor writes a file: name one") }
    guard path == nil else { return }
    for (flag, given) in [
      ("layout", layout != nil), ("mean", mean != nil), ("std", std != nil), ("range", range != nil),
    ]
    where given {
      throw ValidationError("--\(flag) describes a tensor: add --tensor FILE.npy")
    }
  }

  /// The tensor format that the flags describe; nil without `--tensor`.
  package var format: TensorFormat? {
    guard path != nil else { return nil }
    var format = TensorFormat()
    if let layout { format.layout = layout }
    if let range { format.range = range.range }
    if let mean { format.mean = mean.values }
    if let std { format.std = std.values }
    return format
  }
}

/// One number, or three separated by commas.
package struct NumbersArgument: ExpressibleByArgument, Sendable {
  package let values: [Double]

  package init?(argument: String) {
    let values = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard values.count == 1 || values.count == 3 else { return nil }
    guard values.allSatisfy({ $0?.isFinite == true }) else { return nil }
    self.values = values.compactMap(\.self)
  }
}

/// Two numbers in order, or the name of a pipeline.
package struct RangeArgument: ExpressibleByArgument, Sendable {
  package let range: ClosedRange<Double>

  package init?(argument: String) {
    if argument == "diffusers" {
      range = TensorFormat.diffusers.range
      return
    }
    let values = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard values.count == 2, let low = values[0], let high = values[1], low.isFinite, high.isFinite, low < high else {
      return nil
    }
    range = low...high
  }
}

extension TensorFormat.Layout: ExpressibleByArgument {}
