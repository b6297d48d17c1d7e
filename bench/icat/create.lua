-- Sends one new datafile with each request of wrk. Arguments: session, id of the dataset, beginning of the names.
local number = 0

function init(arguments)
    session, dataset, prefix = arguments[1], arguments[2], arguments[3]
    wrk.method = "POST"
    wrk.path = "/icat/entityManager"
    wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
    number = number + 1
    local name = prefix .. number
    -- {"Datafile":{"name":"…","location":"…","fileSize":1,"dataset":{"id":…}}}
    local entity = "%7B%22Datafile%22%3A%7B%22name%22%3A%22" .. name .. "%22%2C%22location%22%3A%22" .. name ..
        "%22%2C%22fileSize%22%3A1%2C%22dataset%22%3A%7B%22id%22%3A" .. dataset .. "%7D%7D%7D"
    return wrk.format(nil, nil, nil, "sessionId=" .. session .. "&entities=" .. entity)
end
