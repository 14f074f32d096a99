@testable import ImagePreparation

/// EXIF, and the name of a color profile, from the same bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMetadata(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
  _ = EXIFReader(bytes.span)
  _ = ICCProfileName.read(bytes)
  return 0
}
