import Driver
import ImagePreparation

/// Prepares whatever libFuzzer makes up. Any outcome but a crash, a hang or unbounded memory is fine.
///
/// The first byte picks the recipe, so that color, depth and both encoders are reached as well as the decoders.
func prepare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  var recipe = Recipe()
  recipe.maxSide = 64
  recipe.maxInputPixels = 1 << 22
  recipe.maxMemory = 256 << 20
  recipe.threads = 1
  recipe.linear = start[0] & 1 != 0
  recipe.failOn = start[0] & 2 != 0 ? .none : .truncated
  recipe.format = start[0] & 4 != 0 ? .png : .jpeg
  recipe.profile = start[0] & 8 != 0 ? .ignore : .convert
  recipe.effort = start[0] & 16 != 0 ? .fast : .best
  _ = try? ImagePreparer().prepare(.memory(bytes), recipe: recipe)
  return 0
}

fuzz(prepare)
