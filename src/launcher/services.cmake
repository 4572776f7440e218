# The event loop and the two host services a guest may talk to, as the library `firma_services`.
set(services_sources
    loop.c loop_timer.c loop_child.c loop_socket.c endpoint.c
    http_text.c http_buffer.c http_head.c http_framing.c http_target.c http_chunked.c http_body.c
    http_request.c http_response.c
    bridge.c bridge_attribution.c bridge_conn.c bridge_exchange.c bridge_side.c
    dns_message.c dns_stub.c dns_tcp.c)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    list(APPEND services_sources loop_epoll_linux.c loop_signal_linux.c loop_socket_linux.c
         bridge_pass_linux.c datagrams_linux.c peer_linux.c)
else()
    list(APPEND services_sources loop_kqueue.c loop_socket_darwin.c
         bridge_pass_portable.c datagrams_portable.c peer_other.c)
endif()
list(TRANSFORM services_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)

add_library(firma_services STATIC ${services_sources})
target_link_libraries(firma_services PUBLIC firma_include firma_contract PRIVATE firma_flags)
