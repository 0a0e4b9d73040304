import DTAFormats
import DTASystem

/// Finds the end of the log at start, also after a crash, and if the files were changed since.
extension AuditLog {
    static func open(_ directory: String, _ memory: AuditMemory?) throws -> State {
        let names = try AuditSegment.all(in: directory)
        return try start(directory, names, memory, told: try told(directory, names)).begin()
    }

    /// Compares the files with what is known about them. It changes nothing.
    /// - Parameters: `names`: the files that exist; `told`: the last change of the database that they name.
    /// - Throws: `DTAError.failedPrecondition` if the database does not have that change.
    package static func start(
        _ directory: String, _ names: [UInt64], _ memory: AuditMemory?, told: UInt64?
    ) throws -> AuditStart {
        guard let memory, let end = memory.end else { return try adopt(directory, names) }
        if let told, let known = memory.change, told > known {
            throw olderDatabase(directory, told: told, known: known)
        }
        return try compare(directory, names, memory, end)
    }

    /// The last change of the database that the log names.
    package static func told(_ directory: String, _ names: [UInt64]) throws -> UInt64? {
        let readable = names.reversed().lazy.compactMap {
            try? AuditSegment.openToRead(directory: directory, first: $0)
        }
        guard let segment = readable.first else { return nil }
        return try tail(directory, names, segment).change
    }

    // MARK: Without a memory

    /// Accepts the files as they are: those of a version that remembered nothing, or none at all.
    private static func adopt(_ directory: String, _ names: [UInt64]) throws -> AuditStart {
        func start(_ way: AuditStart.Way, _ files: [AuditFile]) -> AuditStart {
            AuditStart(directory: directory, names: names, files: files, way: way)
        }
        guard let newest = names.last else { return start(.anew, []) }
        let files = try names.dropLast().map { try asItIs(directory, $0) }
        if let fault = AuditFile.fault(of: try FileFacts.status("\(directory)/\(AuditSegment.name(first: newest))")) {
            let hash = AuditLine.origin
            let file = AuditFile(first: newest, last: newest, hash: hash, fault: fault)
            return start(.newFile(after: AuditPlace(number: newest, hash: hash)), files + [file])
        }
        let segment = try AuditSegment.open(directory: directory, first: newest)
        let tail = try tail(directory, names, segment)
        // Its first record may follow one in a file that is not here.
        let last = tail.last ?? AuditPlace(number: newest - 1, hash: AuditLine.origin)
        guard tail.damaged > 0 else { return start(.resume(segment, tail, last), files) }
        let file = AuditFile(
            first: newest, last: last.number, hash: last.hash,
            fault: "\(tail.damaged) lines at its end are no records")
        return start(.newFile(after: last), files + [file])
    }

    /// An older file with its own last record: files between it and the next may have been moved away.
    private static func asItIs(_ directory: String, _ first: UInt64) throws -> AuditFile {
        let facts = try FileFacts.status("\(directory)/\(AuditSegment.name(first: first))").map(FileFacts.init)
        guard let segment = try? AuditSegment.openToRead(directory: directory, first: first),
            let last = try AuditTail(of: segment).last
        else { return AuditFile(first: first, last: first - min(first, 1), hash: AuditLine.origin) }
        return AuditFile(first: first, last: last.number, hash: last.hash, seen: facts)
    }

    /// The files before the last of `names`, each as the first line of the next one describes it.
    private static func following(_ directory: String, _ names: [UInt64]) -> [AuditFile] {
        zip(names, names.dropFirst()).map { first, next in
            let hash = (try? AuditSegment.openToRead(directory: directory, first: next))
                .flatMap { try? $0.previousOfFirst() }
            return AuditFile(first: first, last: next - 1, hash: hash ?? AuditLine.origin)
        }
    }

    // MARK: With the database's memory

    private static func compare(
        _ directory: String, _ names: [UInt64], _ memory: AuditMemory, _ end: AuditEnd
    ) throws -> AuditStart {
        func start(_ way: AuditStart.Way, _ files: [AuditFile]) -> AuditStart {
            AuditStart(directory: directory, names: names, files: files, way: way)
        }
        let begun = followers(directory, names, end)
        guard let newest = begun.last else {
            // The number of a file is known even if it had no record yet.
            return start(.newFile(after: end.place), memory.files + [end.file(fault: "it is missing")])
        }
        let between = try following(directory, begun).map { file in
            let isOlder = try file.first == end.current && !holds(directory, file, end.place)
            let last = isOlder ? end.place : file.place
            return AuditFile(first: file.first, last: last.number, hash: last.hash)
        }
        let files = memory.files + between
        do {
            if let fault = AuditFile.fault(
                of: try FileFacts.status("\(directory)/\(AuditSegment.name(first: newest))"))
            {
                let last = newest == end.current ? end.place : between.last.map(\.place) ?? end.place
                let file = AuditFile(first: newest, last: last.number, hash: last.hash, fault: fault)
                return start(.newFile(after: last), files + [file])
            }
            let segment = try AuditSegment.open(directory: directory, first: newest)
            let tail = try tail(directory, names, segment)
            let before = between.last?.place ?? end.place
            guard let (fault, last) = try compare(segment, tail, memory, end) else {
                return start(.resume(segment, tail, tail.last ?? before), files)
            }
            let known = last ?? before
            let file = AuditFile(first: newest, last: known.number, hash: known.hash, fault: fault)
            return start(.newFile(after: known), files + [file])
        } catch let error as SystemCallError {
            let file = end.file(fault: "it cannot be opened: \(error)")
            return start(.newFile(after: end.place), files.filter { $0.first != file.first } + [file])
        }
    }

    /// The file that was current when the database learned of it, and those that dtad began after it, before a crash:
    /// each begins with the number after the last record of the one before it. Other files are strangers: a file that
    /// another program put there must not be taken for the log, nor make its neighbour look damaged.
    /// - Returns: none if the first one is missing.
    private static func followers(_ directory: String, _ names: [UInt64], _ end: AuditEnd) -> [UInt64] {
        guard names.contains(end.current) else { return [] }
        var found = [end.current]
        // After a clean end no file was begun.
        guard !end.isClean else { return found }
        for name in names where name > end.current {
            guard let last = lastPlace(directory, found[found.count - 1]), last.number + 1 == name,
                follows(directory, name, last)
            else { continue }
            found.append(name)
        }
        return found
    }

    private static func lastPlace(_ directory: String, _ first: UInt64) -> AuditPlace? {
        (try? AuditSegment.openToRead(directory: directory, first: first)).flatMap { try? AuditTail(of: $0) }?.last
    }

    /// Whether a file's first line, if it has a whole one, is dtad's next record after `last`.
    private static func follows(_ directory: String, _ first: UInt64, _ last: AuditPlace) -> Bool {
        guard let segment = try? AuditSegment.openToRead(directory: directory, first: first),
            let size = try? segment.size()
        else { return false }
        return (try? endOfLastLine(segment, size)) == 0 || (try? segment.previousOfFirst()) == last.hash
    }

    /// Whether a file has the record with that hash, if the number belongs to the file.
    private static func holds(_ directory: String, _ file: AuditFile, _ place: AuditPlace) throws -> Bool {
        guard place.number >= file.first else { return true }
        let segment = try AuditSegment.openToRead(directory: directory, first: file.first)
        return try segment.hash(ofRecord: place.number, size: try segment.size()) == place.hash
    }

    /// - Returns: what is wrong with the newest file, and its last record that is still dtad's; nil if nothing is
    ///   wrong.
    private static func compare(
        _ segment: AuditSegment, _ tail: AuditTail, _ memory: AuditMemory, _ end: AuditEnd
    ) throws -> (fault: String, last: AuditPlace?)? {
        if end.isClean, end.current == segment.first, let seen = end.seen, try segment.facts() == seen { return nil }
        let content = try AuditContent(of: segment, size: tail.whole)
        let last = content.last.map { AuditPlace(number: $0.number, hash: $0.hash) }
        if end.place.number >= segment.first {
            let found = try segment.hash(ofRecord: end.place.number, size: tail.whole)
            guard found == end.place.hash else {
                let missing = (last?.number ?? 0) < end.place.number
                return (
                    missing
                        ? "its end is missing: it went on to record \(end.place.number)"
                        : "record \(end.place.number) is not the one that dtad wrote", end.place
                )
            }
        }
        if let fault = content.fault {
            return (fault, (last?.number ?? 0) >= end.place.number ? last : end.place)
        }
        if end.isClean, end.current == segment.first {
            guard (last?.number ?? end.place.number) == end.place.number, try segment.size() == tail.whole else {
                return ("it goes on behind record \(end.place.number), at which dtad stopped", end.place)
            }
        }
        return nil
    }

    private static func olderDatabase(_ directory: String, told: UInt64, known: UInt64) -> DTAError {
        DTAError(
            .failedPrecondition,
            "the database is older than the audit log in \(directory): the log tells of its change \(told), and it has no "
                + "more than \(known)",
            hint:
                "put the newest state.sqlite back, with the state.sqlite-wal that was beside it; or restore a backup. If "
                + "there is no newer one, make a backup of this state (dtad backup) and restore that (dtad restore)")
    }

    // MARK: The end

    private static func tail(_ directory: String, _ names: [UInt64], _ newest: AuditSegment) throws -> AuditTail {
        var tail = try AuditTail(of: newest)
        for earlier in names.reversed() where earlier < newest.first {
            // Other code checks that file; here it only tells how far back the last checkpoint is.
            guard let segment = try? AuditSegment.openToRead(directory: directory, first: earlier) else { break }
            try tail.readOn(in: segment)
        }
        return tail
    }

    /// The end of the last line that is complete.
    package static func endOfLastLine(_ segment: AuditSegment, _ size: Int) throws -> Int {
        var end = size
        while end > 0 {
            let start = max(0, end - (64 << 10))
            let piece = try segment.read(start..<end)
            if let found = piece.lastIndex(of: UInt8(ascii: "\n")) { return start + found + 1 }
            end = start
        }
        return 0
    }

    /// Whether there is a record in a state directory's log.
    static func hasRecords(_ stateDirectory: String) -> Bool {
        let directory = "\(stateDirectory)/audit"
        guard let names = try? AuditSegment.all(in: directory) else { return false }
        return names.contains { ((try? AuditSegment.openToRead(directory: directory, first: $0).size()) ?? 1) > 0 }
    }
}
