/// A geometry record in the axes of the stored source.
struct StoredGeometry: Sendable, Equatable {
  let x: AxisGeometry
  let y: AxisGeometry

  init(_ record: GeometryRecord, source: ImageDescription) {
    let crop = source.orientation.storedRect(record.crop, stored: source.storedSize)
    let content = source.orientation.swapsSides ? record.content.transposed : record.content
    let mirrors = source.orientation.mirrors
    x = AxisGeometry(origin: crop.x, length: crop.width, count: content.width, isMirrored: mirrors.x)
    y = AxisGeometry(origin: crop.y, length: crop.height, count: content.height, isMirrored: mirrors.y)
  }
}
