import Ground
import Testing

@Suite("Owned memory")
struct AlignedBufferTests {
  @Test("memory begins at a cache line, has room for every value, and is zero where asked", arguments: [0, 1, 7, 4096])
  func holds(count: Int) {
    let buffer = AlignedBuffer<UInt32>(count: count, zeroed: true)
    let values = unsafe UnsafeMutableBufferPointer(start: buffer.base, count: buffer.count)
    let address = unsafe UInt(bitPattern: buffer.base)
    #expect(address % 64 == 0)
    #expect(buffer.count == count)
    var content = unsafe Array(values)
    #expect(content == [UInt32](repeating: 0, count: count))
    for index in 0..<count { unsafe values[index] = UInt32(index) }
    content = unsafe Array(values)
    #expect(content == (0..<count).map(UInt32.init))
    extendLifetime(buffer)
  }
}
