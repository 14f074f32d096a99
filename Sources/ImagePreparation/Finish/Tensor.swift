/// Float32 values for a network, in the order of a ``TensorFormat``.
public struct Tensor: Sendable, Equatable {
  /// The lengths of the four axes: `[1, 3, height, width]` or `[1, height, width, 3]`.
  public let shape: [Int]
  /// The values; the last axis varies fastest.
  public let values: [Float]

  /// The tensor as a file in NumPy's format, version 1.0, little endian (NEP 1; `numpy.lib.format`).
  public var npy: [UInt8] {
    var bytes = npyHeader
    bytes.reserveCapacity(bytes.count + values.count * MemoryLayout<Float>.size)
    unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    return bytes
  }

  /// The bytes of such a file before the values, which follow as they are in memory, because Linux and
  /// macOS run on little-endian processors only.
  package var npyHeader: [UInt8] {
    let axes = shape.map(String.init).joined(separator: ", ")
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(axes)), }"
    // Magic, version, the header's length and the header together are a multiple of 64 bytes; the header ends with a line feed.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let count = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 0xFF), UInt8(count >> 8)] + header.utf8
  }
}
