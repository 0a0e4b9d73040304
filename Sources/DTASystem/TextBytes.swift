extension StringProtocol {
    /// Whether both are the same bytes of UTF-8. Names from outside are compared so: `==` holds for texts that Unicode
    /// calls equivalent, such as an é of one character and one of two, or K and the sign for kelvin.
    public func hasSameBytes(as other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }
}
