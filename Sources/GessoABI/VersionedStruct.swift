import CGesso

/// A struct of the header that begins with `struct_size` and grows at its end.
protocol VersionedStruct {
  /// Makes a struct of zeros.
  init()
  /// The size of its first version, which Sources/CGesso/gesso_layout.c pins.
  static var firstSize: Int { get }
}

extension gesso_error: VersionedStruct { static var firstSize: Int { 1088 } }
extension gesso_source: VersionedStruct { static var firstSize: Int { 40 } }
extension gesso_recipe: VersionedStruct { static var firstSize: Int { 216 } }
extension gesso_tensor_format: VersionedStruct { static var firstSize: Int { 88 } }
extension gesso_limits: VersionedStruct { static var firstSize: Int { 128 } }
extension gesso_request: VersionedStruct { static var firstSize: Int { 48 } }
extension gesso_description: VersionedStruct { static var firstSize: Int { 1256 } }
extension gesso_plan_result: VersionedStruct { static var firstSize: Int { 1160 } }
extension gesso_result: VersionedStruct { static var firstSize: Int { 1192 } }

/// An upper bound for the size of a struct in any version. A larger number means that the caller never set the field.
private let largestSize = 65_536

/// Checks the size of a caller's struct.
///
/// - Returns: The size in bytes.
/// - Throws: A failure for a size that no version has.
@discardableResult
func check<Struct: VersionedStruct>(_ pointer: UnsafePointer<Struct>) throws(CallFailure) -> Int {
  let size = UnsafeRawPointer(pointer).loadUnaligned(as: Int.self)
  guard (Struct.firstSize...largestSize).contains(size) else {
    throw .misuse("a struct_size of \(size) is not a size of \(Struct.self)", "set it to sizeof(\(Struct.self))")
  }
  return size
}

/// Checks a struct that the call writes, as ``check(_:)`` does.
@discardableResult
func check<Struct: VersionedStruct>(_ pointer: UnsafeMutablePointer<Struct>) throws(CallFailure) -> Int {
  try check(UnsafePointer(pointer))
}

/// Checks a struct that a call cannot do without.
///
/// - Returns: The pointer.
/// - Throws: A failure for NULL, or for a size that no version has.
func required<Struct: VersionedStruct>(
  _ pointer: UnsafeMutablePointer<Struct>?
) throws(CallFailure) -> UnsafeMutablePointer<Struct> {
  guard let pointer else { throw .misuse("the \(Struct.self) is NULL", "give one") }
  try check(pointer)
  return pointer
}

/// A caller's struct with all fields of this version. Fields that the caller's version does not have are 0.
///
/// - Returns: The struct; nil for NULL.
/// - Throws: A failure for a size that no version has, and for fields that this version does not know and that are not 0.
func read<Struct: VersionedStruct>(_ pointer: UnsafePointer<Struct>?) throws(CallFailure) -> Struct? {
  guard let pointer else { return nil }
  let known = MemoryLayout<Struct>.size
  let bytes = UnsafeRawBufferPointer(start: pointer, count: try check(pointer))
  guard bytes.dropFirst(known).allSatisfy({ $0 == 0 }) else {
    throw .misuse(
      "the \(Struct.self) has fields that this version of the library does not know", "use a later library")
  }
  var value = Struct()
  withUnsafeMutableBytes(of: &value) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(known))) }
  return value
}

/// Writes the fields that the caller's version of a struct has. The size in the struct was checked before, and is not overwritten.
func write<Struct: VersionedStruct>(_ value: Struct, to pointer: UnsafeMutablePointer<Struct>) {
  let size = UnsafeRawPointer(pointer).loadUnaligned(as: Int.self)
  withUnsafeBytes(of: value) { bytes in
    let fields = bytes.prefix(size).dropFirst(MemoryLayout<Int>.size)
    UnsafeMutableRawBufferPointer(start: pointer, count: size)[MemoryLayout<Int>.size...].copyBytes(from: fields)
  }
}

/// Fills an array of characters with text and a zero. Text that is too long is cut between two characters.
func fill<Characters>(_ field: inout Characters, _ text: String) {
  withUnsafeMutableBytes(of: &field) { field in
    var count = 0
    for scalar in text.unicodeScalars {
      // A zero would end the text.
      let encoded = UTF8.encode(scalar.value == 0 ? " " : scalar)!
      guard count + encoded.count < field.count else { break }
      for byte in encoded {
        field[count] = byte
        count += 1
      }
    }
    field[count] = 0
  }
}

/// Fills an array of characters with lines; those that do not fit are left out.
func fill<Characters>(_ field: inout Characters, lines: [String]) {
  var text = ""
  for line in lines where text.utf8.count + line.utf8.count + 1 < MemoryLayout<Characters>.size {
    text += (text.isEmpty ? "" : "\n") + line
  }
  fill(&field, text)
}
