import Driver
import ImagePreparation

/// Prepares the bytes that libFuzzer makes. Any outcome but a crash, a hang or unbounded memory is accepted.
///
/// The first byte selects the recipe, so that color, depth, the encoders and metadata are tested as well as the decoders.
func prepare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let lossy: Recipe.Output = start[0] & 32 != 0 ? .webp() : .jpeg()
  let recipe = Recipe(
    size: .longestSide(start[0] & 16 != 0 ? 64 : 40),
    samples: .color(profile: start[0] & 8 != 0 ? .ignore : .convert, linear: start[0] & 1 != 0),
    effort: start[0] & 16 != 0 ? .fast : .best, output: start[0] & 4 != 0 ? .png() : lossy,
    metadata: start[0] & 64 != 0 ? .keep : .none, failOn: start[0] & 2 != 0 ? .none : .truncated)
  let limits = Limits(maxPixels: 1 << 22, maxMemory: 256 << 20, threads: 1)
  let preparer = ImagePreparer(limits: limits)
  _ = try? preparer.prepareBlocking(.memory(bytes), as: recipe)
  if start[0] & 128 != 0 { _ = try? preparer.strippedBlocking(.memory(bytes)) }
  return 0
}

fuzz(prepare)
